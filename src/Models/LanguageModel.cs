// T time, B batch, E embedding, H hidden, V vocabulary, N = T B, S state vectors: hidden (and cell) of every layer
using Granary.Torch;
using Granary.Torch.Data.Texts;
using Granary.Torch.Networks;
using Granary.Torch.Onnx;
using Granary.Torch.Operations;
using Granary.Training.Randomness;
using Granary.Training.Tasks;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Granary.Models;

/// <summary>
/// A recurrent language model: predicts each word of a text from those before. The text is read in rows, side by side; what
/// the network remembers of a row is carried from step to step, and forgotten at the start of an epoch.
/// </summary>
[Learner("lm", "a recurrent language model (LSTM, GRU or RNN) over words", DataSet = "text8", Data = typeof(TextCorpus), Epochs = 4)]
public sealed class LanguageModel : NetworkLearner<LanguageModelSettings, TextWindow>, ITextGenerator, IOnnxLearner
{
    private readonly Lazy<TextCorpus> corpus;
    private readonly Vocabulary vocabulary;
    private readonly Recurrent network;

    public LanguageModel(LearnerContext context) : base(context)
    {
        if (Settings.Tied && Settings.Embedding != Settings.Hidden)
        {
            throw new TaskSettingException($"Setting 'tied' needs 'embedding' and 'hidden' to be equal; they are {Settings.Embedding} and {Settings.Hidden}.");
        }
        var options = new CorpusOptions { TrainingWords = Settings.Words, HeldOutWords = Settings.ValidWords, VocabularySize = Settings.Vocabulary };
        corpus = new(() => context.ForUse ? TextCorpus.Load(Spec.Data, options, vocabulary!) : TextCorpus.Load(Spec.Data, options));
        vocabulary = context.ForUse ? Vocabulary.FromAssets(context.Asset, unknown: true) : corpus.Value.Vocabulary;
        network = new(Settings, vocabulary.Count);
    }

    public override string Unit => "tokens";

    public override Measure Measure => new("validation.perplexity", LowerIsBetter: true, Occasional: true);

    public override IReadOnlyDictionary<string, byte[]> Assets => vocabulary.ToAssets();

    protected override nn.Module Network => network;

    protected override Func<IBatches<TextWindow>> Training => () => Rows(corpus.Value.Training, "training");

    protected override Func<IBatches<TextWindow>> Validation => () => Rows(corpus.Value.Validation, "validation");

    protected override Func<IBatches<TextWindow>>? Test => TextCorpus.HasTest(Spec.Data) ? () => Rows(corpus.Value.Test, "test") : null;

    // Shards may differ by a row; each has room for the largest.
    protected override int CarryLength => (Settings.Batch + Spec.Shards - 1) / Spec.Shards * States * Settings.Hidden;

    private int States => Settings.Layers * Recurrent.StatesOf(Settings);

    public override void Initialize(nn.Module module, ulong seed)
    {
        base.Initialize(module, seed);
        var random = new StepRandom(seed, ulong.MaxValue);
        Initialization.Uniform(network.Encoder.weight!, 0.1, ref random);
        if (!Settings.Tied)
        {
            Initialization.Uniform(network.Decoder.weight!, 0.1, ref random);
        }
        Initialization.Uniform(network.Decoder.bias!, 0, ref random);
    }

    /// <summary>The logits of the next word at each place, and what is remembered of each row: an input, zeros at first, and an output, the next call's.</summary>
    public void Describe(OnnxGraph graph)
    {
        OnnxValue words_BT = graph.IntegerInput("input_ids", "batch", "time"), state_SBH = graph.Input("state", States, "batch", Settings.Hidden);
        var (logits_BTV, next_SBH) = network.Describe(graph, words_BT, state_SBH);
        graph.Output("logits", logits_BTV, "batch", "time", vocabulary.Count);
        graph.Output("next_state", next_SBH, States, "batch", Settings.Hidden);
    }

    public override bool SamplesDue(long step) => IsValidated(step);

    public override void WriteSamples(string folder, long step) =>
        File.WriteAllText(Path.Combine(folder, $"step-{step + 1:D8}.txt"), Generate(prompt: null, Settings.SampleWords, Spec.Seed) + "\n");

    public string Generate(string? prompt, int count, ulong seed, Sampling? sampling = null) => Use(() => Write(prompt, count, seed, sampling ?? new()));

    protected override Tensor LossSum(TextWindow text, ShardPass pass) => SoftmaxOutput.LossSum(network.Decoder, Read(text, pass), text.Next_TB.flatten());

    protected override void Judge(TextWindow text, ShardPass pass) =>
        pass.Add(Loss, nn.functional.cross_entropy(network.Decoder.call(Read(text, pass)), text.Next_TB.flatten(), reduction: nn.Reduction.Sum));

    protected override void Report(Totals totals, Metrics metrics)
    {
        base.Report(totals, metrics);
        metrics[$"{totals.Phase}.perplexity"] = Math.Exp(totals.Mean(Loss));
    }

    /// <summary>What the decoder sees of a window, one row a word.</summary>
    private Tensor Read(TextWindow text, ShardPass pass)
    {
        long[] shape = [States, text.Words_TB.shape[1], Settings.Hidden];
        var (hidden_TBH, next_SBH) = network.Forward(text.Words_TB, text.Begins ? zeros(shape, device: pass.Device) : pass.Carried(shape));
        pass.Remember(next_SBH);
        pass.Weight += text.Next_TB.numel();
        return hidden_TBH.flatten(0, 1);
    }

    private TextRows Rows(int[] text, string purpose) => new(text, Settings.Batch, Settings.Bptt, Spec.Shards, purpose);

    private string Write(string? prompt, int count, ulong seed, Sampling sampling)
    {
        var random = new StepRandom(seed);
        var given = (prompt ?? "").Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries);
        var written = new List<string>(given);
        var state_SBH = Bring(zeros(States, 1, Settings.Hidden));
        // Without a prompt the text begins as if a line had just ended.
        foreach (var word in given.DefaultIfEmpty(Vocabulary.LineEnd).SkipLast(1))
        {
            Odds(vocabulary.Find(word), ref state_SBH);
        }
        for (var last = given.LastOrDefault(Vocabulary.LineEnd); written.Count < given.Length + count; written.Add(last))
        {
            var odds = Odds(vocabulary.Find(last), ref state_SBH);
            odds[0] = 0; // the unknown word: nobody wants to read it
            last = vocabulary.Words[sampling.Draw(odds, ref random)];
        }
        return string.Join(' ', written).Replace($" {Vocabulary.LineEnd} ", "\n").Replace(Vocabulary.LineEnd, "");
    }

    /// <summary>Reads a word and gives the odds of the next: the vocabulary's probabilities.</summary>
    private float[] Odds(int word, ref Tensor state_SBH)
    {
        using var scope = NewDisposeScope();
        (var hidden_TBH, state_SBH) = network.Forward(Bring(tensor([(long)word], 1, 1)), state_SBH);
        state_SBH.MoveToOuterDisposeScope();
        return network.Decoder.call(hidden_TBH).softmax(-1).Values<float>();
    }

    private sealed class Recurrent : nn.Module
    {
        private readonly Embedding encoder;
        private readonly ModuleList<nn.Module> rnn;
        private readonly Dropout dropout;
        private readonly Linear decoder;
        private readonly LanguageModelSettings settings;

        public Recurrent(LanguageModelSettings settings, int vocabulary) : base("lm")
        {
            this.settings = settings;
            encoder = nn.Embedding(vocabulary, settings.Embedding);
            // One module a layer: dropout between the layers of one module would draw from libtorch's global generator.
            rnn = nn.ModuleList([.. Enumerable.Range(0, settings.Layers).Select(layer => Cell(layer == 0 ? settings.Embedding : settings.Hidden))]);
            dropout = nn.Dropout(settings.Dropout);
            decoder = nn.Linear(settings.Hidden, vocabulary);
            if (settings.Tied)
            {
                decoder.weight = encoder.weight!;
            }
            RegisterComponents();
        }

        public Embedding Encoder => encoder;

        /// <summary>State vectors a layer has.</summary>
        public static int StatesOf(LanguageModelSettings settings) => settings.Cell == "lstm" ? 2 : 1;

        public Linear Decoder => decoder;

        /// <summary>What the decoder sees, and what is to be remembered.</summary>
        /// <param name="state_SBH">What is remembered of each row.</param>
        public (Tensor Hidden_TBH, Tensor State_SBH) Forward(Tensor words_TB, Tensor state_SBH)
        {
            var hidden_TBH = dropout.call(encoder.call(words_TB));
            var next = new List<Tensor>();
            foreach (var (cell, states) in rnn.Zip(state_SBH.split(StatesOf(settings))))
            {
                (hidden_TBH, var after) = Recur(cell, hidden_TBH, states);
                hidden_TBH = dropout.call(hidden_TBH);
                next.AddRange(after);
            }
            return (hidden_TBH, cat(next, 0));
        }

        public (OnnxValue Logits_BTV, OnnxValue State_SBH) Describe(OnnxGraph graph, OnnxValue words_BT, OnnxValue state_SBH)
        {
            var (hidden_TBH, next, states) = (graph.Transposed(graph.Add(encoder, words_BT), 1, 0, 2), new List<OnnxValue>(), StatesOf(settings));
            foreach (var cell in rnn)
            {
                OnnxValue[] begin = [.. Enumerable.Range(next.Count, states).Select(number => graph.Cut(state_SBH, axis: 0, from: number, to: number + 1))];
                (hidden_TBH, var after) = graph.Recur(cell, hidden_TBH, begin: begin);
                next.AddRange(after);
            }
            return (graph.Add(decoder, graph.Transposed(hidden_TBH, 1, 0, 2)), graph.Apply("Concat", [.. next], ("axis", 0L)));
        }

        private static (Tensor Output_TBH, Tensor[] Next) Recur(nn.Module cell, Tensor input_TBH, Tensor state)
        {
            switch (cell)
            {
                case LSTM lstm:
                    var (output_TBH, hidden, memory) = lstm.call(input_TBH, (state.narrow(0, 0, 1), state.narrow(0, 1, 1)));
                    return (output_TBH, [hidden, memory]);
                case GRU gru:
                    var states_TBH = Recurrence.Of(gru, input_TBH, state);
                    return (states_TBH, [states_TBH.narrow(0, states_TBH.size(0) - 1, 1)]);
                default:
                    var (output, next) = ((RNN)cell).call(input_TBH, state);
                    return (output, [next]);
            }
        }

        private nn.Module Cell(int inputs) => settings.Cell switch
        {
            "lstm" => nn.LSTM(inputs, settings.Hidden),
            "gru" => nn.GRU(inputs, settings.Hidden),
            _ => nn.RNN(inputs, settings.Hidden),
        };
    }
}

public sealed record LanguageModelSettings : NetworkSettings
{
    public LanguageModelSettings() => (Batch, Clip, Decay) = (32, 1, 0.5);

    [Setting("recurrent cell", Choices = ["lstm", "gru", "rnn"])]
    public string Cell { get; init; } = "lstm";

    [Setting("length of a word's vector", Min = 1, Max = 1 << 14)]
    public int Embedding { get; init; } = 200;

    [Setting("hidden units of a layer", Min = 1, Max = 1 << 14)]
    public int Hidden { get; init; } = 200;

    [Setting("recurrent layers", Min = 1, Max = 64)]
    public int Layers { get; init; } = 2;

    [Setting("share of the values dropped after the embedding and after each layer", Min = 0, Max = 0.99)]
    public double Dropout { get; init; } = 0.5;

    [Setting("one matrix for reading and for writing words; needs embedding = hidden")]
    public bool Tied { get; init; }

    [Setting("words of each row in a step, as far as gradients go back", Min = 1, Max = 1 << 12)]
    public int Bptt { get; init; } = 32;

    [Setting("most words in the vocabulary, the unknown word included", Min = 2, Max = 1 << 24)]
    public int Vocabulary { get; init; } = 10_000;

    [Setting("train on no more than the first this many words; 0: all", Min = 0, Max = 1 << 30)]
    public int Words { get; init; }

    [Setting("words after the training words for validation, and as many for the test, of a text that is not split yet", Min = 1, Max = 1 << 28)]
    public int ValidWords { get; init; } = 100_000;

    [Setting("words in a sample of text", Min = 1, Max = 1 << 16)]
    public int SampleWords { get; init; } = 100;
}

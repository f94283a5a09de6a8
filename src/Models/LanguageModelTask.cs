// T time, B batch, E embedding, H hidden, V vocabulary, N = T B, S state vectors: hidden (and cell) of every layer
using System.Runtime.InteropServices;
using Granary.Torch;
using Granary.Torch.Data;
using Granary.Training.Randomness;
using Granary.Training.Shards;
using Granary.Training.Tasks;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Granary.Models;

/// <summary>
/// A recurrent language model: predicts each word of a text from those before. The text is read in rows, side by side; what
/// the network remembers of a row is carried from step to step, and forgotten at the start of an epoch.
/// </summary>
public sealed class LanguageModelTask : ITrainingTask
{
    public string Name => "lm";

    public string Summary => "a recurrent language model (LSTM, GRU or RNN) over words";

    public string DataSet => "text8";

    public IReadOnlyList<string> DataFiles(string data) => TextFiles.Find(Path.GetFullPath(data)).Paths;

    public Type Settings => typeof(LanguageModelSettings);

    // Validation may lower the learning rate, and the last step has one, too.
    public bool EndMatters(TrainingSpec spec) => true;

    public ITrainingReplica CreateReplica(TrainingSpec spec)
    {
        var settings = SettingsOf(spec);
        var corpus = TextCorpus.Load(spec.Data, CorpusOptionsOf(settings));
        var texts = new Texts(corpus, settings);
        return new Replica(spec, settings, corpus.Vocabulary, () => texts, new(settings, corpus.Vocabulary.Count, spec.Seed));
    }

    public ITrainingReplica OpenReplica(TrainingSpec spec, Func<string, byte[]> asset)
    {
        var settings = SettingsOf(spec);
        var vocabulary = Vocabulary.FromAssets(asset, unknown: true);
        Texts Load() => new(TextCorpus.Load(spec.Data, CorpusOptionsOf(settings), vocabulary), settings);
        return new Replica(spec, settings, vocabulary, Load, new(settings, vocabulary.Count, spec.Seed), forUse: true);
    }

    private static LanguageModelSettings SettingsOf(TrainingSpec spec)
    {
        var settings = TaskSettings.Bind<LanguageModelSettings>(spec);
        return !settings.Tied || settings.Embedding == settings.Hidden
            ? settings
            : throw new TaskSettingException($"Setting 'tied' needs 'embedding' and 'hidden' to be equal; they are {settings.Embedding} and {settings.Hidden}.");
    }

    private static CorpusOptions CorpusOptionsOf(LanguageModelSettings settings) =>
        new() { TrainingWords = settings.Words, HeldOutWords = settings.ValidWords, VocabularySize = settings.Vocabulary };

    private sealed class Texts(TextCorpus corpus, LanguageModelSettings settings)
    {
        public TextRows Training { get; } = new(corpus.Training, settings.Batch, settings.Bptt, "training");

        public TextRows Validation { get; } = new(corpus.Validation, settings.Batch, settings.Bptt, "validation");

        public TextRows Test { get; } = new(corpus.Test, settings.Batch, settings.Bptt, "test");
    }

    private sealed class Network : nn.Module
    {
        private readonly Embedding encoder;
        private readonly ModuleList<nn.Module> rnn;
        private readonly Dropout dropout;
        private readonly Linear decoder;
        private readonly LanguageModelSettings settings;

        public Network(LanguageModelSettings settings, int vocabulary, ulong seed) : base("lm")
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

            Initialization.Default(this, seed);
            var random = new StepRandom(seed, ulong.MaxValue);
            Initialization.Uniform(encoder.weight!, 0.1, ref random);
            if (!settings.Tied)
            {
                Initialization.Uniform(decoder.weight!, 0.1, ref random);
            }
            Initialization.Uniform(decoder.bias!, 0, ref random);
        }

        /// <summary>State vectors a layer has.</summary>
        public static int StatesOf(LanguageModelSettings settings) => settings.Cell == "lstm" ? 2 : 1;

        public Linear Decoder => decoder;

        /// <summary>What the decoder sees, and what is to be remembered.</summary>
        /// <param name="state_SBH">What is remembered of each row.</param>
        public (Tensor Hidden_TBH, Tensor State_SBH) Forward(Tensor words_TB, Tensor state_SBH)
        {
            var hidden_TBH = dropout.call(encoder.call(words_TB));
            var states = new List<Tensor>();
            for (var layer = 0; layer < settings.Layers; layer++)
            {
                hidden_TBH = dropout.call(Recur(layer, hidden_TBH, state_SBH, states));
            }
            return (hidden_TBH, cat(states, 0));
        }

        private Tensor Recur(int layer, Tensor input_TBH, Tensor state_SBH, List<Tensor> next)
        {
            Tensor State(int index) => state_SBH.narrow(0, layer * StatesOf(settings) + index, 1);
            switch (rnn[layer])
            {
                case LSTM lstm:
                    var (output, hidden, cell) = lstm.call(input_TBH, (State(0), State(1)));
                    next.AddRange([hidden, cell]);
                    return output;
                case GRU gru:
                    (output, hidden) = gru.call(input_TBH, State(0));
                    next.Add(hidden);
                    return output;
                default:
                    (output, hidden) = ((RNN)rnn[layer]).call(input_TBH, State(0));
                    next.Add(hidden);
                    return output;
            }
        }

        private nn.Module Cell(int inputs) => settings.Cell switch
        {
            "lstm" => nn.LSTM(inputs, settings.Hidden),
            "gru" => nn.GRU(inputs, settings.Hidden),
            _ => nn.RNN(inputs, settings.Hidden),
        };
    }

    private sealed class Replica : NetworkReplica, ITextGenerator
    {
        private const string LearningRateInForce = "learning.rate", BestLoss = "validation.best";
        private const int Validate = 1;
        private readonly LanguageModelSettings settings;
        private readonly Vocabulary vocabulary;
        private readonly Network network;
        private readonly int states;
        private readonly Lazy<Texts> texts;

        public Replica(TrainingSpec spec, LanguageModelSettings settings, Vocabulary vocabulary, Func<Texts> load, Network network, bool forUse = false)
            : base(spec, network, settings, CarryLength(spec, settings), vocabulary.ToAssets(), forUse)
        {
            this.settings = settings;
            this.vocabulary = vocabulary;
            this.network = network;
            texts = new(load);
            states = settings.Layers * Network.StatesOf(settings);
            State.Scalars[LearningRateInForce] = settings.LearningRate;
            // No infinity, which JSON cannot hold.
            State.Scalars[BestLoss] = double.MaxValue;
        }

        public override IReadOnlyList<string> Phases => ["train", "validate"];

        public override long StepsPerEpoch => texts.Value.Training.Windows;

        public override long TotalSteps => Spec.TotalSteps(StepsPerEpoch, defaultEpochs: 4);

        public override string Unit => "tokens";

        public override Measure Measure => new("validation.perplexity", LowerIsBetter: true, Occasional: true);

        public override bool Happens(int phase, long step)
        {
            var every = settings.ValidateEvery > 0 ? settings.ValidateEvery : StepsPerEpoch;
            return phase != Validate || (step + 1) % every == 0 || step + 1 == TotalSteps;
        }

        public override bool SamplesDue(long step) => Happens(Validate, step);

        public override void WriteSamples(string folder, long step) =>
            File.WriteAllText(Path.Combine(folder, $"step-{step + 1:D8}.txt"), Generate(prompt: null, settings.SampleWords, Spec.Seed) + "\n");

        protected override (Tensor LossSum, double Weight) Loss(Coordinates at, LaneRandom random, ReadOnlySpan<float> carry, Span<float> carryNext)
        {
            var rows = Slice.Of(settings.Batch, at.Shard, Spec.Shards);
            if (rows.Count == 0)
            {
                return (zeros(1), 0);
            }
            var index = (int)(at.Step % StepsPerEpoch);
            var state_SBH = zeros(states, rows.Count, settings.Hidden);
            if (index > 0)
            {
                MemoryMarshal.AsBytes(carry[..(int)state_SBH.numel()]).CopyTo(state_SBH.bytes);
            }
            var (words_TB, next_TB) = texts.Value.Training.Window(index, rows);
            var (hidden_TBH, next_SBH) = network.Forward(words_TB, state_SBH);
            next_SBH.to(float32).bytes.CopyTo(MemoryMarshal.AsBytes(carryNext));
            return (SoftmaxOutput.LossSum(network.Decoder, hidden_TBH.flatten(0, 1), next_TB.flatten()), next_TB.numel());
        }

        protected override (double LossSum, double Weight) ValidationLoss(Coordinates at) =>
            LossOf(texts.Value.Validation, Slice.Of(settings.Batch, at.Shard, Spec.Shards));

        protected override void Validated(double loss, Metrics metrics)
        {
            metrics["validation.loss"] = loss;
            metrics["validation.perplexity"] = Math.Exp(loss);
            if (loss < State.Scalars[BestLoss])
            {
                State.Scalars[BestLoss] = loss;
            }
            else
            {
                State.Scalars[LearningRateInForce] *= settings.Decay;
            }
        }

        protected override double LearningRate(long step) => State.Scalars[LearningRateInForce] * Scheduled(step);

        protected override Metrics Examine()
        {
            var all = new Slice(0, settings.Batch);
            var metrics = new Metrics();
            foreach (var (name, text) in new[] { ("validation", texts.Value.Validation), ("test", texts.Value.Test) })
            {
                var (sum, count) = LossOf(text, all);
                metrics[$"{name}.loss"] = sum / count;
                metrics[$"{name}.perplexity"] = Math.Exp(sum / count);
            }
            return metrics;
        }

        public string Generate(string? prompt, int count, ulong seed) => Use(() => Write(prompt, count, seed));

        private string Write(string? prompt, int count, ulong seed)
        {
            var random = new StepRandom(seed);
            var given = (prompt ?? "").Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries);
            var written = new List<string>(given);
            var state_SBH = zeros(states, 1, settings.Hidden);
            // Without a prompt the text begins as if a line had just ended.
            foreach (var word in given.DefaultIfEmpty(Vocabulary.LineEnd).SkipLast(1))
            {
                Read(vocabulary.Find(word), ref state_SBH);
            }
            for (var last = given.LastOrDefault(Vocabulary.LineEnd); written.Count < given.Length + count; written.Add(last))
            {
                last = vocabulary.Words[Draw(Read(vocabulary.Find(last), ref state_SBH), ref random)];
            }
            return string.Join(' ', written).Replace($" {Vocabulary.LineEnd} ", "\n").Replace(Vocabulary.LineEnd, "");
        }

        /// <summary>The loss over a whole text, summed, and how many words that are.</summary>
        private (double Sum, double Count) LossOf(TextRows text, Slice rows)
        {
            if (rows.Count == 0)
            {
                return (0, 0);
            }
            double sum = 0, count = 0;
            var state_SBH = zeros(states, rows.Count, settings.Hidden);
            for (var index = 0; index < text.Windows; index++)
            {
                using var scope = NewDisposeScope();
                var (words_TB, next_TB) = text.Window(index, rows);
                (var hidden_TBH, state_SBH) = network.Forward(words_TB, state_SBH);
                var logits_NV = network.Decoder.call(hidden_TBH.flatten(0, 1));
                sum += nn.functional.cross_entropy(logits_NV, next_TB.flatten(), reduction: nn.Reduction.Sum).item<float>();
                count += next_TB.numel();
                state_SBH.MoveToOuterDisposeScope();
            }
            return (sum, count);
        }

        /// <summary>Reads a word and gives the odds of the next: the vocabulary's probabilities.</summary>
        private float[] Read(int word, ref Tensor state_SBH)
        {
            using var scope = NewDisposeScope();
            (var hidden_TBH, state_SBH) = network.Forward(tensor(word, dtype: int64).view(1, 1), state_SBH);
            state_SBH.MoveToOuterDisposeScope();
            return MemoryMarshal.Cast<byte, float>(network.Decoder.call(hidden_TBH).softmax(-1).bytes).ToArray();
        }

        // Never the unknown word, number 0: nobody wants to read it.
        private static int Draw(float[] odds, ref StepRandom random)
        {
            var left = odds.Skip(1).Sum(odd => (double)odd) * random.NextDouble();
            var word = 1;
            for (; word < odds.Length - 1 && (left -= odds[word]) >= 0; word++)
            {
            }
            return word;
        }

        // Shards may differ by a row; each has room for the largest.
        private static int CarryLength(TrainingSpec spec, LanguageModelSettings settings) =>
            (settings.Batch + spec.Shards - 1) / spec.Shards * settings.Layers * Network.StatesOf(settings) * settings.Hidden;
    }
}

public sealed record LanguageModelSettings : NetworkSettings
{
    public LanguageModelSettings() => Clip = 1;

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

    [Setting("rows of text read side by side, over all shards", Min = 1, Max = 1 << 16)]
    public int Batch { get; init; } = 32;

    [Setting("words of each row in a step, as far as gradients go back", Min = 1, Max = 1 << 12)]
    public int Bptt { get; init; } = 32;

    [Setting("what the learning rate is multiplied with when validation has not improved", Min = 0, Max = 1)]
    public double Decay { get; init; } = 0.5;

    [Setting("steps from one validation to the next; 0: an epoch", Min = 0, Max = int.MaxValue)]
    public int ValidateEvery { get; init; }

    [Setting("most words in the vocabulary, the unknown word included", Min = 2, Max = 1 << 24)]
    public int Vocabulary { get; init; } = 10_000;

    [Setting("train on no more than the first this many words; 0: all", Min = 0, Max = 1 << 30)]
    public int Words { get; init; }

    [Setting("words after the training words for validation, and as many for the test, of a text that is not split yet", Min = 1, Max = 1 << 28)]
    public int ValidWords { get; init; } = 100_000;

    [Setting("words in a sample of text", Min = 1, Max = 1 << 16)]
    public int SampleWords { get; init; } = 100;
}

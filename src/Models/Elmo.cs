// T time, B batch, N = T B, L codes of a word, W width, V vocabulary
using Granary.Models.Texts;
using Granary.Torch;
using Granary.Torch.Data.Texts;
using Granary.Torch.Networks;
using Granary.Torch.Onnx;
using Granary.Training.Randomness;
using Granary.Training.Tasks;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Granary.Models;

/// <summary>
/// A language model in both directions (Peters et al., 2018): one half predicts each word from those before it, the other from those behind it. What it knows
/// of a word in its sentence are vectors for other models: <c>sentiment --set vectors=RUN</c>.
/// </summary>
[Learner("elmo", "a two-layer bidirectional language model over words or characters: contextual word vectors", DataSet = "text8", Data = typeof(TextCorpus), Epochs = 1)]
public sealed class Elmo : NetworkLearner<ElmoSettings, TextWindow>, IOnnxLearner
{
    private const string Forwards = "forwards", Backwards = "backwards";
    private readonly Lazy<TextCorpus> corpus;
    private readonly Vocabulary vocabulary;
    private readonly BothDirections network;
    private readonly int predicted;
    private Tensor? spelled_VL;

    public Elmo(LearnerContext context) : base(context)
    {
        // Whoever reads characters knows every word; only what is predicted has to be one of the most frequent.
        var options = new CorpusOptions { TrainingWords = Settings.Words, HeldOutWords = Settings.ValidWords, VocabularySize = Settings.ReadsWords ? Settings.Vocabulary : 0 };
        corpus = new(() => context.ForUse ? TextCorpus.Load(Spec.Data, options, vocabulary!) : TextCorpus.Load(Spec.Data, options));
        vocabulary = context.ForUse ? Vocabulary.FromAssets(context.Asset, unknown: true) : corpus.Value.Vocabulary;
        predicted = Math.Min(Settings.Vocabulary, vocabulary.Count);
        network = new(Settings, vocabulary.Count, predicted);
    }

    public override string Unit => "tokens";

    public override Measure Measure => new("validation.loss", LowerIsBetter: true, Occasional: true);

    public override IReadOnlyDictionary<string, byte[]> Assets => vocabulary.ToAssets();

    /// <summary>What other models build on.</summary>
    internal ElmoBody Body => network.Body;

    public override void Initialize(nn.Module module, ulong seed)
    {
        base.Initialize(module, seed);
        if (Settings.ReadsWords)
        {
            var random = new StepRandom(seed, ulong.MaxValue);
            Initialization.Normal(network.Body.Embedding.weight!, 0, 0.1, ref random);
        }
    }

    /// <summary>Three vectors for each word in its sentence: for itself, and of both layers.</summary>
    public void Describe(OnnxGraph graph)
    {
        OnnxValue codes_BTL = Body.Input(graph, "codes"), seen_BT = graph.IntegerInput("attention_mask", "batch", "time");
        var layers = Body.Contextual(graph, codes_BTL, seen_BT);
        OnnxValue[] each = [.. layers.Select(layer_BTW => graph.Apply("Unsqueeze", [layer_BTW, graph.Integers(2)]))];
        graph.Output("vectors", graph.Apply("Concat", each, ("axis", 2L)), "batch", "time", layers.Length, 2 * Settings.Width);
    }

    public override void Dispose()
    {
        spelled_VL?.Dispose();
        base.Dispose();
    }

    protected override nn.Module Network => network;

    protected override Func<IBatches<TextWindow>> Training => () => Rows(corpus.Value.Training, "training");

    protected override Func<IBatches<TextWindow>> Validation => () => Rows(corpus.Value.Validation, "validation");

    protected override Func<IBatches<TextWindow>>? Test => TextCorpus.HasTest(Spec.Data) ? () => Rows(corpus.Value.Test, "test") : null;

    protected override IReadOnlyList<string> Judged => [Forwards, Backwards];

    // One softmax serves both directions, and one product computes it.
    protected override Tensor LossSum(TextWindow text, ShardPass pass)
    {
        var ((ahead_NW, next_N), (behind_NW, last_N)) = Read(text, pass);
        return SoftmaxOutput.LossSum(network.Output, cat([ahead_NW, behind_NW], 0), cat([next_N, last_N], 0));
    }

    protected override void Judge(TextWindow text, ShardPass pass)
    {
        var (ahead, behind) = Read(text, pass);
        pass.Add(Forwards, LossOf(ahead));
        pass.Add(Backwards, LossOf(behind));

        Tensor LossOf((Tensor Features_NW, Tensor Targets_N) side) => nn.functional.cross_entropy(network.Output.call(side.Features_NW), side.Targets_N, reduction: nn.Reduction.Sum);
    }

    protected override void Report(Totals totals, Metrics metrics)
    {
        metrics[$"{totals.Phase}.loss"] = totals.Mean(Forwards) + totals.Mean(Backwards);
        metrics[$"{totals.Phase}.perplexity.{Forwards}"] = Math.Exp(totals.Mean(Forwards));
        metrics[$"{totals.Phase}.perplexity.{Backwards}"] = Math.Exp(totals.Mean(Backwards));
    }

    /// <summary>For either direction what the output sees, one row a word, and the words that it should predict.</summary>
    private ((Tensor Features_NW, Tensor Targets_N) Ahead, (Tensor Features_NW, Tensor Targets_N) Behind) Read(TextWindow text, ShardPass pass)
    {
        pass.Weight += text.Next_TB.numel();
        // The window's words and the one behind: all but the last predict forwards, all but the first backwards.
        var words_TB = cat([text.Words_TB.narrow(0, 0, 1), text.Next_TB], 0);
        var codes_TBL = Settings.ReadsWords ? words_TB.unsqueeze(2) : Spelled().index_select(0, words_TB.flatten()).view(words_TB.shape[0], words_TB.shape[1], WordCodes.Letters);
        var (ahead_TBW, behind_TBW) = network.Forward(codes_TBL);
        return ((ahead_TBW.flatten(0, 1), Targets(text.Next_TB)), (behind_TBW.flatten(0, 1), Targets(text.Words_TB.flip(0))));
    }

    private Tensor Spelled() => spelled_VL ??= Bring(tensor(WordCodes.Spell(vocabulary.Words), [vocabulary.Count, WordCodes.Letters])).DetachFromDisposeScope();

    private Tensor Targets(Tensor words_TB) => words_TB.flatten() is var words_N && predicted < vocabulary.Count ? words_N * words_N.lt(predicted) : words_N;

    private TextRows Rows(int[] text, string purpose) => new(text, Settings.Batch, Settings.Bptt, Spec.Shards, purpose);

    private sealed class BothDirections : nn.Module
    {
        private readonly ElmoBody body;
        private readonly Dropout dropout;
        private readonly Linear output;

        public BothDirections(ElmoSettings settings, int words, int predicted) : base("elmo")
        {
            body = new(settings.ReadsWords ? words : 0, settings.Width);
            dropout = nn.Dropout(settings.Dropout);
            output = nn.Linear(settings.Width, predicted);
            RegisterComponents();
        }

        public ElmoBody Body => body;

        public Linear Output => output;

        /// <returns>What was read before each word but the first, and, from the last word on, behind each but the last.</returns>
        public (Tensor Ahead_TBW, Tensor Behind_TBW) Forward(Tensor codes_TBL)
        {
            var words_TBW = dropout.call(body.Read(codes_TBL));
            var time = words_TBW.shape[0] - 1;
            var ahead_TBW = body.Layers(words_TBW.narrow(0, 0, time), isForwards: true, dropout.call).Second_TBW;
            var behind_TBW = body.Layers(words_TBW.narrow(0, 1, time).flip(0), isForwards: false, dropout.call).Second_TBW;
            return (dropout.call(ahead_TBW), dropout.call(behind_TBW));
        }
    }
}

public sealed record ElmoSettings : NetworkSettings
{
    private const string OverWords = "words";

    public ElmoSettings() => (Batch, LearningRate, Clip, Schedule, WarmUp) = (32, 2e-3, 1, Training.Optimization.Schedule.Linear, 50);

    [Setting("what a word is read as: its own vector, or its characters, which any word has", Choices = [OverWords, "characters"])]
    public string Input { get; init; } = OverWords;

    [Setting("numbers in a vector of one direction", Min = 1, Max = 1 << 14)]
    public int Width { get; init; } = 128;

    [Setting("share of the values dropped before and behind each layer", Min = 0, Max = 0.99)]
    public double Dropout { get; init; } = 0.2;

    [Setting("words of each row in a step, as far as either direction sees", Min = 1, Max = 1 << 12)]
    public int Bptt { get; init; } = 32;

    [Setting("most words that are predicted, the unknown word included; with input=words, that are known", Min = 2, Max = 1 << 24)]
    public int Vocabulary { get; init; } = 10_000;

    [Setting("train on no more than the first this many words; 0: all", Min = 0, Max = 1 << 30)]
    public int Words { get; init; }

    [Setting("words after the training words for validation, and as many for the test, of a text that is not split yet", Min = 1, Max = 1 << 28)]
    public int ValidWords { get; init; } = 50_000;

    internal bool ReadsWords => Input == OverWords;
}

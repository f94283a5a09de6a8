// T time, B batch, E embedding, F features, C classes
using System.Collections.Frozen;
using System.Runtime.InteropServices;
using Granary.Torch;
using Granary.Torch.Data;
using Granary.Torch.Networks;
using Granary.Training.Randomness;
using Granary.Training.Tasks;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Granary.Models;

/// <summary>Says of a text which of some labels it has: whether a review is good. By averaged words, convolutions or a recurrent network.</summary>
[Learner("sentiment", "classifies texts: averaged words, convolutions, LSTM or GRU; data: SST-2, IMDb, MR, .tsv, .jsonl, or a made-up language", DataSet = "sst2", Data = typeof(LabelledTexts), Epochs = 5)]
public sealed class Sentiment : NetworkLearner<SentimentSettings, PaddedTexts>, IPredictor
{
    private readonly Lazy<LabelledTexts> texts;
    private readonly Lazy<(int[] Numbers, long[]? Codes)> known;
    private readonly Vocabulary vocabulary;
    private readonly IReadOnlyList<string> labels;
    private readonly GivenVectors? given;
    private readonly Classifier network;
    private readonly Confusion confusion;

    public Sentiment(LearnerContext context) : base(context)
    {
        var options = new LabelledOptions(Settings.MinCount, Settings.Length);
        texts = new(() => context.ForUse ? LabelledTexts.Load(Spec.Data, options, vocabulary!, labels!) : LabelledTexts.Load(Spec.Data, options));
        known = new(() => Known(texts.Value.Words));
        vocabulary = context.ForUse ? Vocabulary.FromAssets(context.Asset, unknown: true) : texts.Value.Vocabulary;
        labels = context.ForUse ? ClassNames.FromAssets(context.Asset) : texts.Value.Labels;
        given = Settings.Vectors.Length == 0 ? null : context.ForUse ? GivenVectors.FromAssets(context.Asset) : GivenVectors.At(Settings.Vectors);
        CheckVectors();
        network = new(Settings, vocabulary.Count, labels.Count, given is { AreContextual: true } ? given.CreatePart() : null);
        confusion = new(labels);
    }

    public override string Unit => "texts";

    public override Measure Measure => new("validation.accuracy", LowerIsBetter: false, Occasional: true);

    public override IReadOnlyDictionary<string, byte[]> Assets => new[] { vocabulary.ToAssets(), ClassNames.ToAssets(labels), given?.Assets ?? FrozenDictionary<string, byte[]>.Empty }.SelectMany(files => files).ToDictionary();

    public override string? Findings => confusion.ToString();

    public InputKind Takes => InputKind.Text;

    public IReadOnlyList<Prediction> Predict(IReadOnlyList<string> inputs) => Use(() =>
    {
        var numbers = new TextNumbers();
        LabelledText[] asked = [.. inputs.Select(input => new LabelledText(numbers.Read(input, Settings.Length), 0))];
        if (asked.FirstOrDefault(text => text.Words.Length == 0) is { } empty)
        {
            throw new ArgumentException($"'{inputs[Array.IndexOf(asked, empty)]}' is a text without words.");
        }
        var logits = network.Forward(Padded(asked, Known(numbers.Words)));
        // One logit is that of the second label, against 0 for the first.
        return Answers.Of(IsBinary ? stack([zeros_like(logits), logits], 1) : logits, labels);
    });

    public override void Initialize(nn.Module module, ulong seed)
    {
        // With PyTorch's deviation of 1, what little the labels teach about a word is lost in what it began with.
        const double Deviation = 0.1;
        base.Initialize(module, seed);
        if (network.Embedding is { } embedding)
        {
            var random = new StepRandom(seed, ulong.MaxValue);
            Initialization.Normal(embedding.weight!, 0, Deviation, ref random);
        }
        if (given is null || Context.ForUse)
        {
            return;
        }
        if (network.Contextual is { } contextual)
        {
            given.Fill(contextual);
        }
        else
        {
            given.Fill(network.Embedding!, vocabulary);
        }
    }

    protected override nn.Module Network => network;

    protected override Func<IBatches<PaddedTexts>> Training => () => Bucketed(texts.Value.Training);

    protected override Func<IBatches<PaddedTexts>> Validation => () => Ordered(texts.Value.Validation);

    protected override Func<IBatches<PaddedTexts>>? Test => Context.ForUse || texts.Value.Test.Count > 0 ? () => Ordered(texts.Value.Test) : null;

    protected override IReadOnlyList<string> Judged => [Loss, .. confusion.Sums];

    private bool IsBinary => labels.Count == 2;

    protected override Tensor LossSum(PaddedTexts batch, ShardPass pass)
    {
        pass.Weight += batch.Labels_B.numel();
        return LossOf(network.Forward(Settings.WordDropout > 0 ? batch with { Words_TB = WithSomeUnknown(batch.Words_TB, pass.Random) } : batch), batch.Labels_B);
    }

    protected override void Judge(PaddedTexts batch, ShardPass pass)
    {
        var logits = network.Forward(batch);
        confusion.Add(IsBinary ? logits.gt(0).to(int64) : logits.argmax(1), batch.Labels_B, pass);
        pass.Weight += batch.Labels_B.numel();
        pass.Add(Loss, LossOf(logits, batch.Labels_B));
    }

    protected override void Report(Totals totals, Metrics metrics)
    {
        metrics[$"{totals.Phase}.loss"] = totals.Mean(Loss);
        confusion.Report(totals, metrics);
    }

    private LengthBuckets<PaddedTexts> Bucketed(IReadOnlyList<LabelledText> from) =>
        new([.. from.Select(text => text.Words.Length)], Settings.Batch, Spec, (chosen, _) => Padded(chosen.Select(number => from[number]), known.Value));

    /// <summary>Sorted by length, so that little is padded.</summary>
    private OrderedBatches<PaddedTexts> Ordered(IReadOnlyList<LabelledText> from)
    {
        LabelledText[] sorted = [.. from.OrderBy(text => text.Words.Length)];
        return new(sorted.Length, Settings.Batch, Spec, chosen => Padded(chosen.Select(number => sorted[number]), known.Value));
    }

    private static PaddedTexts Padded(IEnumerable<LabelledText> chosen, (int[] Numbers, long[]? Codes) known) => PaddedTexts.Of([.. chosen], known.Numbers, ConvolutionEncoder.Longest, known.Codes);

    /// <summary>For the words of some texts the vocabulary's numbers, and what contextual vectors are made of.</summary>
    private (int[] Numbers, long[]? Codes) Known(IReadOnlyList<string> words) => ([.. words.Select(vocabulary.Find)], given?.Codes(words));

    private void CheckVectors()
    {
        if (Settings.Frozen && given is not { AreContextual: false })
        {
            throw new TaskSettingException("Setting 'frozen' needs 'vectors' with one for each word: a word2vec run or a file. Random ones would teach nothing, and those of an elmo run are frozen anyway.");
        }
        if (!Settings.Own && given is not { AreContextual: true })
        {
            throw new TaskSettingException("Setting 'own' can be false only if 'vectors' is the directory of an elmo run: without either, a word has no vector at all.");
        }
    }

    /// <summary>Some of the words, drawn anew in every step, become the unknown word.</summary>
    private Tensor WithSomeUnknown(Tensor words_TB, LaneRandom random)
    {
        var kept_TB = empty(words_TB.shape);
        random.Keep(MemoryMarshal.Cast<byte, float>(kept_TB.bytes), 1 - Settings.WordDropout, 1);
        return words_TB * kept_TB.to(int64);
    }

    private Tensor LossOf(Tensor logits, Tensor labels_B) => IsBinary
        ? nn.functional.binary_cross_entropy_with_logits(logits.to(float32), labels_B.to(float32), reduction: nn.Reduction.Sum)
        : nn.functional.cross_entropy(logits, labels_B, reduction: nn.Reduction.Sum);

    private sealed class Classifier : nn.Module
    {
        private readonly Embedding? embedding;
        private readonly ContextualVectors? contextual;
        private readonly TextEncoder encoder;
        private readonly Dropout dropout;
        private readonly Linear output;
        private readonly bool isBinary;

        public Classifier(SentimentSettings settings, int words, int labels, ContextualVectors? contextual) : base("sentiment")
        {
            this.contextual = contextual;
            if (settings.Own)
            {
                embedding = nn.Embedding(words, settings.Embedding);
                foreach (var parameter in embedding.parameters())
                {
                    parameter.requires_grad = !settings.Frozen;
                }
            }
            var length = (settings.Own ? settings.Embedding : 0) + (contextual?.Length ?? 0);
            encoder = settings.Model switch
            {
                "cnn" => new ConvolutionEncoder(length, settings.Filters),
                "rnn" => new RecurrentEncoder(settings.Cell, length, settings.Hidden),
                _ => new AverageEncoder(length),
            };
            dropout = nn.Dropout(settings.Dropout);
            isBinary = labels == 2;
            output = nn.Linear(encoder.Features, isBinary ? 1 : labels);
            RegisterComponents();
        }

        public Embedding? Embedding => embedding;

        public ContextualVectors? Contextual => contextual;

        /// <returns>Of two labels, a logit for each text; of more, one for each label.</returns>
        public Tensor Forward(PaddedTexts texts)
        {
            Tensor?[] vectors_TBE = [embedding?.call(texts.Words_TB), contextual?.Forward(texts)];
            Tensor[] there_TBE = [.. vectors_TBE.OfType<Tensor>()];
            var words_TBE = dropout.call(there_TBE.Length == 1 ? there_TBE[0] : cat(there_TBE, 2)) * texts.Mask_TB1;
            var logits_BC = output.call(dropout.call(encoder.Encode(words_TBE, texts)));
            return isBinary ? logits_BC.squeeze(1) : logits_BC;
        }
    }
}

public sealed record SentimentSettings : NetworkSettings
{
    public SentimentSettings() => Batch = 32;

    [Setting("how a text is read: the mean of its words, convolutions over 3, 4 and 5 of them, or a recurrent network in both directions", Choices = ["wordavg", "cnn", "rnn"])]
    public string Model { get; init; } = "wordavg";

    [Setting("recurrent cell of model=rnn", Choices = ["lstm", "gru"])]
    public string Cell { get; init; } = "lstm";

    [Setting("length of a word's vector", Min = 1, Max = 1 << 14)]
    public int Embedding { get; init; } = 100;

    [Setting("hidden units in each direction of model=rnn", Min = 1, Max = 1 << 14)]
    public int Hidden { get; init; } = 128;

    [Setting("filters of each width of model=cnn", Min = 1, Max = 1 << 14)]
    public int Filters { get; init; } = 100;

    [Setting("share of the values dropped behind the words' vectors and before the output", Min = 0, Max = 0.99)]
    public double Dropout { get; init; } = 0.5;

    [Setting("share of the words that become unknown, others in every step", Min = 0, Max = 0.99)]
    public double WordDropout { get; init; }

    [Setting("words that stand less often in the training texts are unknown", Min = 1, Max = 1 << 30)]
    public int MinCount { get; init; } = 2;

    [Setting("words of a text that are read; the rest is cut off", Min = 1, Max = 1 << 20)]
    public int Length { get; init; } = 400;

    [Setting("word vectors to build on: a file in word2vec's text format, or the directory of a word2vec run or of an elmo run; default: none", IsPath = true)]
    public string Vectors { get; init; } = "";

    [Setting("leave the words' vectors as they are given")]
    public bool Frozen { get; init; }

    [Setting("a vector of the model's own for each word, besides those of an elmo run")]
    public bool Own { get; init; } = true;
}

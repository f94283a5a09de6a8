// T time, B batch, E embedding, F features, C classes
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
[Learner("sentiment", "classifies texts: averaged words, convolutions, LSTM or GRU; data: SST-2, IMDb, MR, .tsv, .jsonl, or a made-up language", Data = typeof(LabelledTexts), Epochs = 5)]
public sealed class Sentiment : NetworkLearner<SentimentSettings, PaddedTexts>, IPredictor
{
    private readonly Lazy<LabelledTexts> texts;
    private readonly Lazy<int[]> known;
    private readonly Vocabulary vocabulary;
    private readonly IReadOnlyList<string> labels;
    private readonly Classifier network;
    private readonly string[][] confusion;

    public Sentiment(LearnerContext context) : base(context)
    {
        if (Settings.Frozen && Settings.Vectors.Length == 0)
        {
            throw new TaskSettingException("Setting 'frozen' needs 'vectors': nothing can be learned over words whose vectors are random and stay so.");
        }
        var options = new LabelledOptions(Settings.MinCount, Settings.Length);
        texts = new(() => context.ForUse ? LabelledTexts.Load(Spec.Data, options, vocabulary!, labels!) : LabelledTexts.Load(Spec.Data, options));
        known = new(() => Known(texts.Value.Words));
        vocabulary = context.ForUse ? Vocabulary.FromAssets(context.Asset, unknown: true) : texts.Value.Vocabulary;
        labels = context.ForUse ? LabelledTexts.LabelsFromAssets(context.Asset) : texts.Value.Labels;
        network = new(Settings, vocabulary.Count, labels.Count);
        confusion = [.. labels.Select(truth => labels.Select(said => $"confusion.{truth}.{said}").ToArray())];
    }

    public override string Unit => "texts";

    public override Measure Measure => new("validation.accuracy", LowerIsBetter: false, Occasional: true);

    public override IReadOnlyDictionary<string, byte[]> Assets => LabelledTexts.ToAssets(vocabulary, labels);

    public InputKind Takes => InputKind.Text;

    public IReadOnlyList<Prediction> Predict(IReadOnlyList<string> inputs) => Use(() =>
    {
        var numbers = new TextNumbers();
        LabelledText[] asked = [.. inputs.Select(input => new LabelledText(numbers.Read(input, Settings.Length), 0))];
        if (asked.FirstOrDefault(text => text.Words.Length == 0) is { } empty)
        {
            throw new ArgumentException($"'{inputs[Array.IndexOf(asked, empty)]}' is a text without words.");
        }
        var logits = network.Forward(PaddedTexts.Of(asked, Known(numbers.Words), ConvolutionEncoder.Longest));
        // One logit is that of the second label, against 0 for the first.
        return Answers.Of(IsBinary ? stack([zeros_like(logits), logits], 1) : logits, labels);
    });

    public override void Initialize(nn.Module module, ulong seed)
    {
        // With PyTorch's deviation of 1, what little the labels teach about a word is lost in what it began with.
        const double Deviation = 0.1;
        base.Initialize(module, seed);
        var random = new StepRandom(seed, ulong.MaxValue);
        Initialization.Normal(network.Embedding.weight!, 0, Deviation, ref random);
        if (Settings.Vectors.Length > 0 && !Context.ForUse)
        {
            WordVectorSource.Fill(network.Embedding, vocabulary, Settings.Vectors);
        }
    }

    protected override nn.Module Network => network;

    protected override Func<IBatches<PaddedTexts>> Training => () => Bucketed(texts.Value.Training);

    protected override Func<IBatches<PaddedTexts>> Validation => () => Ordered(texts.Value.Validation);

    protected override Func<IBatches<PaddedTexts>>? Test => Context.ForUse || texts.Value.Test.Count > 0 ? () => Ordered(texts.Value.Test) : null;

    protected override IReadOnlyList<string> Judged => [Loss, .. confusion.SelectMany(row => row)];

    private bool IsBinary => labels.Count == 2;

    protected override Tensor LossSum(PaddedTexts batch, ShardPass pass)
    {
        pass.Weight += batch.Labels_B.numel();
        return LossOf(network.Forward(Settings.WordDropout > 0 ? batch with { Words_TB = WithSomeUnknown(batch.Words_TB, pass.Random) } : batch), batch.Labels_B);
    }

    protected override void Judge(PaddedTexts batch, ShardPass pass)
    {
        var logits = network.Forward(batch);
        var said_B = (IsBinary ? logits.gt(0).to(int64) : logits.argmax(1)).contiguous();
        Span<long> said = MemoryMarshal.Cast<byte, long>(said_B.bytes), truth = MemoryMarshal.Cast<byte, long>(batch.Labels_B.bytes);
        for (var i = 0; i < said.Length; i++)
        {
            pass.Add(confusion[truth[i]][said[i]], 1);
        }
        pass.Weight += said.Length;
        pass.Add(Loss, LossOf(logits, batch.Labels_B));
    }

    protected override void Report(Totals totals, Metrics metrics)
    {
        var counts = new double[labels.Count][];
        for (var truth = 0; truth < labels.Count; truth++)
        {
            counts[truth] = new double[labels.Count];
            for (var said = 0; said < labels.Count; said++)
            {
                counts[truth][said] = totals[confusion[truth][said]];
            }
        }
        metrics[$"{totals.Phase}.loss"] = totals.Mean(Loss);
        metrics[$"{totals.Phase}.accuracy"] = counts.Index().Sum(row => row.Item[row.Index]) / totals.Weight;
        // Of two labels, that of the second; of more, the mean of all.
        metrics[$"{totals.Phase}.f1"] = IsBinary ? F1(1) : Enumerable.Range(0, labels.Count).Average(F1);
        foreach (var (name, count) in confusion.SelectMany(row => row).Zip(counts.SelectMany(row => row)))
        {
            metrics[$"{totals.Phase}.{name}"] = count;
        }

        double F1(int label)
        {
            var saidOrTrue = counts[label].Sum() + counts.Sum(row => row[label]);
            return saidOrTrue > 0 ? 2 * counts[label][label] / saidOrTrue : 0;
        }
    }

    private LengthBuckets<PaddedTexts> Bucketed(IReadOnlyList<LabelledText> from) =>
        new([.. from.Select(text => text.Words.Length)], Settings.Batch, Spec, (chosen, _) => Padded(chosen.Select(number => from[number])));

    /// <summary>Sorted by length, so that little is padded.</summary>
    private OrderedBatches<PaddedTexts> Ordered(IReadOnlyList<LabelledText> from)
    {
        LabelledText[] sorted = [.. from.OrderBy(text => text.Words.Length)];
        return new(sorted.Length, Settings.Batch, Spec, chosen => Padded(chosen.Select(number => sorted[number])));
    }

    private PaddedTexts Padded(IEnumerable<LabelledText> chosen) => PaddedTexts.Of([.. chosen], known.Value, ConvolutionEncoder.Longest);

    private int[] Known(IReadOnlyList<string> words) => [.. words.Select(vocabulary.Find)];

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
        private readonly Embedding embedding;
        private readonly TextEncoder encoder;
        private readonly Dropout dropout;
        private readonly Linear output;
        private readonly bool isBinary;

        public Classifier(SentimentSettings settings, int words, int labels) : base("sentiment")
        {
            embedding = nn.Embedding(words, settings.Embedding);
            embedding.weight!.requires_grad = !settings.Frozen;
            encoder = settings.Model switch
            {
                "cnn" => new ConvolutionEncoder(settings.Embedding, settings.Filters),
                "rnn" => new RecurrentEncoder(settings.Cell, settings.Embedding, settings.Hidden),
                _ => new AverageEncoder(settings.Embedding),
            };
            dropout = nn.Dropout(settings.Dropout);
            isBinary = labels == 2;
            output = nn.Linear(encoder.Features, isBinary ? 1 : labels);
            RegisterComponents();
        }

        public Embedding Embedding => embedding;

        /// <returns>Of two labels, a logit for each text; of more, one for each label.</returns>
        public Tensor Forward(PaddedTexts texts)
        {
            var words_TBE = dropout.call(embedding.call(texts.Words_TB)) * texts.Mask_TB1;
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

    [Setting("word vectors to begin with: the directory of a word2vec run, or a file in word2vec's text format; default: random", IsPath = true)]
    public string Vectors { get; init; } = "";

    [Setting("leave the words' vectors as they are given")]
    public bool Frozen { get; init; }
}

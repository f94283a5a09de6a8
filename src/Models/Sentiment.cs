// T time, B batch, E embedding, F features, C classes
using System.Collections.Frozen;
using System.Text.Json;
using Granary.Models.HuggingFace;
using Granary.Models.Texts;
using Granary.Torch;
using Granary.Torch.Data;
using Granary.Torch.Data.Texts;
using Granary.Torch.Networks;
using Granary.Torch.Onnx;
using Granary.Training.Randomness;
using Granary.Training.Tasks;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Granary.Models;

/// <summary>Says of a text which of some labels it has: whether a review is good. By averaged words, convolutions, a recurrent network or BERT.</summary>
[Learner("sentiment", "classifies texts: averaged words, convolutions, LSTM, GRU or BERT; data: SST-2, IMDb, MR, .tsv, .jsonl, or a made-up language", DataSet = "sst2", Data = typeof(LabelledTexts), HuggingFace = typeof(BertClassifierFormat), InitMap = ["?output_bias=", "?cls.*=", "?=head.*"], Epochs = 5)]
public sealed class Sentiment : NetworkLearner<SentimentSettings, PaddedTexts>, IPredictor, IOnnxLearner
{
    private readonly Lazy<LabelledTexts> texts;
    private readonly Lazy<KnownWords> known;
    private readonly Vocabulary vocabulary;
    private readonly IReadOnlyList<string> labels;
    private readonly GivenVectors? given;
    private readonly PretrainedBert? bert;
    private readonly nn.Module network;
    private readonly Confusion confusion;

    public Sentiment(LearnerContext context) : base(context)
    {
        var options = new LabelledOptions(Settings.MinCount, Settings.Length);
        texts = new(() => context.ForUse ? LabelledTexts.Load(Spec.Data, options, vocabulary!, labels!) : LabelledTexts.Load(Spec.Data, options));
        known = new(() => Known(texts.Value.Words));
        vocabulary = context.ForUse ? Vocabulary.FromAssets(context.Asset, unknown: true) : texts.Value.Vocabulary;
        labels = context.ForUse ? ClassNames.FromAssets(context.Asset) : texts.Value.Labels;
        given = Settings.Vectors.Length == 0 ? null : context.ForUse ? GivenVectors.FromAssets(context.Asset) : GivenVectors.At(Settings.Vectors);
        bert = Settings.Model != "bert" ? null : context.ForUse ? PretrainedBert.FromAssets(context.Asset) : PretrainedBert.At(Spec.Init);
        CheckVectors();
        network = bert is null
            ? new Classifier(Settings, vocabulary.Count, labels.Count, given is { AreContextual: true } ? given.CreatePart() : null)
            : bert.CreateClassifier(Settings.Dropout, labels.Count == 2 ? 1 : labels.Count);
        confusion = new(labels);
    }

    public override string Unit => "texts";

    public override Measure Measure => new("validation.accuracy", LowerIsBetter: false, Occasional: true);

    public override IReadOnlyDictionary<string, byte[]> Assets => new[] { vocabulary.ToAssets(), ClassNames.ToAssets(labels), given?.Assets ?? FrozenDictionary<string, byte[]>.Empty, bert?.Assets ?? FrozenDictionary<string, byte[]>.Empty }.SelectMany(files => files).ToDictionary();

    public override string? Findings => confusion.ToString();

    public InputKind Takes => InputKind.Text;

    public IReadOnlyList<Prediction> Predict(IReadOnlyList<string> inputs) => Use(() =>
    {
        var numbers = new TextNumbers();
        LabelledText[] asked = [.. inputs.Select(input => new LabelledText(numbers.Read(input, Settings.Length), 0))];
        if (asked.FirstOrDefault(text => text.Words.Length == 0) is { } empty)
        {
            throw new UnanswerableInputException($"'{inputs[Array.IndexOf(asked, empty)]}' is a text without words.");
        }
        var logits = Forward(Bring(Padded(asked, Known(numbers.Words))));
        // One logit is that of the second label, against 0 for the first.
        return Answers.Of(IsBinary ? stack([zeros_like(logits), logits], 1) : logits, labels);
    });

    /// <summary>Of two labels, one logit that speaks for the second.</summary>
    public void Describe(OnnxGraph graph)
    {
        graph.Note("labels", JsonSerializer.Serialize(labels));
        var seen_BT = graph.IntegerInput("attention_mask", "batch", "time");
        graph.Output("logits", ((ITextClassifier)network).Describe(graph, seen_BT), "batch", IsBinary ? 1 : labels.Count);
    }

    public override bool SamplesDue(long step) => IsValidated(step);

    /// <summary>The table of what was taken for what.</summary>
    public override void WriteSamples(string folder, long step) => confusion.WriteTable(folder, step);

    public override void Initialize(nn.Module module, ulong seed)
    {
        // With PyTorch's deviation of 1, what little the labels teach about a word is lost in what it began with.
        const double Deviation = 0.1;
        if (network is not Classifier classifier)
        {
            TextTransformer.Initialize(module, seed);
            return;
        }
        base.Initialize(module, seed);
        if (classifier.Embedding is { } embedding)
        {
            var random = new StepRandom(seed, ulong.MaxValue);
            Initialization.Normal(embedding.weight!, 0, Deviation, ref random);
        }
        if (given is null || Context.ForUse)
        {
            return;
        }
        if (classifier.Contextual is { } contextual)
        {
            given.Fill(contextual);
        }
        else
        {
            given.Fill(classifier.Embedding!, vocabulary);
        }
    }

    protected override nn.Module Network => network;

    protected override Func<IBatches<PaddedTexts>> Training => () => Bucketed(texts.Value.Training);

    protected override Func<IBatches<PaddedTexts>> Validation => () => Ordered(texts.Value.Validation);

    protected override Func<IBatches<PaddedTexts>>? Test => LabelledTexts.HasTest(Spec.Data) ? () => Ordered(texts.Value.Test) : null;

    protected override IReadOnlyList<string> Judged => [Loss, .. confusion.Sums];

    private bool IsBinary => labels.Count == 2;

    protected override IReadOnlyList<ParameterGroup> Groups => bert is null ? [] : [new(name => !TextTransformer.IsMatrix(name), WeightDecay: 0)];

    protected override Tensor LossSum(PaddedTexts batch, ShardPass pass)
    {
        pass.Weight += batch.Labels_B.numel();
        return LossOf(Forward(Settings.WordDropout > 0 ? batch with { Words_TB = WithSomeUnknown(batch.Words_TB, pass) } : batch), batch.Labels_B);
    }

    protected override void Judge(PaddedTexts batch, ShardPass pass)
    {
        var logits = Forward(batch);
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

    /// <returns>Of two labels, a logit for each text; of more, one for each label.</returns>
    private Tensor Forward(PaddedTexts texts) => ((ITextClassifier)network).Forward(texts) is var logits_BC && IsBinary ? logits_BC.squeeze(1) : logits_BC;

    private PaddedTexts Padded(IEnumerable<LabelledText> chosen, KnownWords known) => known.Tokens is { } tokens
        ? PaddedTexts.Of([.. chosen.Select(text => new LabelledText([.. text.Words.SelectMany(word => tokens[word]).Take(bert!.Shape.Context)], text.Label))], known.Numbers)
        : PaddedTexts.Of([.. chosen], known.Numbers, ConvolutionEncoder.Longest, known.Codes);

    private KnownWords Known(IReadOnlyList<string> words) => bert is null
        ? new([.. words.Select(vocabulary.Find)], given?.Codes(words), Tokens: null)
        : new([.. Enumerable.Range(0, bert.Shape.Vocabulary)], Codes: null, bert.TokensOf(words));

    private void CheckVectors()
    {
        if (Settings.Frozen && given is not { AreContextual: false })
        {
            throw new TaskSettingException("Setting 'frozen' needs 'vectors' with one for each word: a word2vec run or a file. Random ones would teach nothing, and those of an elmo run are frozen anyway.");
        }
        if (bert is not null && (given is not null || Settings.WordDropout > 0))
        {
            throw new TaskSettingException("Settings 'vectors' and 'word-dropout' are not for model=bert, which has tokens of its own.");
        }
        if (!Settings.Own && given is not { AreContextual: true })
        {
            throw new TaskSettingException("Setting 'own' can be false only if 'vectors' is the directory of an elmo run: without either, a word has no vector at all.");
        }
    }

    /// <summary>Some of the words, drawn anew in every step, become the unknown word.</summary>
    private Tensor WithSomeUnknown(Tensor words_TB, ShardPass pass) => words_TB * pass.Mask(1 - Settings.WordDropout, words_TB.shape).to(int64);

    private Tensor LossOf(Tensor logits, Tensor labels_B) => IsBinary
        ? nn.functional.binary_cross_entropy_with_logits(logits.to(float32), labels_B.to(float32), reduction: nn.Reduction.Sum)
        : nn.functional.cross_entropy(logits, labels_B, reduction: nn.Reduction.Sum);

    /// <summary>What a network reads of the words of some texts.</summary>
    /// <param name="Numbers">For each word its number in the vocabulary; of a network that reads tokens, for each token itself.</param>
    /// <param name="Codes">What contextual vectors are made of, if there are any.</param>
    /// <param name="Tokens">For each word its tokens, for a network that reads these.</param>
    private sealed record KnownWords(int[] Numbers, long[]? Codes, int[][]? Tokens);

    private sealed class Classifier : nn.Module, ITextClassifier
    {
        private readonly Embedding? embedding;
        private readonly ContextualVectors? contextual;
        private readonly TextEncoder encoder;
        private readonly Dropout dropout;
        private readonly Linear output;

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
            output = nn.Linear(encoder.Features, labels == 2 ? 1 : labels);
            RegisterComponents();
        }

        public Embedding? Embedding => embedding;

        public ContextualVectors? Contextual => contextual;

        public Tensor Forward(PaddedTexts texts)
        {
            Tensor?[] vectors_TBE = [embedding?.call(texts.Words_TB), contextual?.Forward(texts)];
            Tensor[] there_TBE = [.. vectors_TBE.OfType<Tensor>()];
            var words_TBE = dropout.call(there_TBE.Length == 1 ? there_TBE[0] : cat(there_TBE, 2)) * texts.Mask_TB1;
            return output.call(dropout.call(encoder.Encode(words_TBE, texts)));
        }

        public OnnxValue Describe(OnnxGraph graph, OnnxValue seen_BT)
        {
            OnnxValue?[] vectors_BTE = [embedding is null ? null : graph.Add(embedding, ITextClassifier.Words(graph)), contextual?.Describe(graph, contextual.Body.Input(graph, "codes"), seen_BT)];
            var words_BTE = graph.Apply("Mul", [graph.Joined(vectors_BTE.OfType<OnnxValue>(), axis: 2), graph.Mask(seen_BT)]);
            return graph.Add(output, encoder.Describe(graph, words_BTE, seen_BT));
        }
    }
}

public sealed record SentimentSettings : NetworkSettings
{
    public SentimentSettings() => Batch = 32;

    [Setting("how a text is read: the mean of its words, convolutions over 3, 4 and 5 of them, a recurrent network in both directions, or BERT, a run of it or a folder of Hugging Face's (--init)", Choices = ["wordavg", "cnn", "rnn", "bert"])]
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

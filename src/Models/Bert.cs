// B windows of a batch, T time, C channels, V vocabulary, N hidden tokens
using System.Runtime.InteropServices;
using Granary.Models.HuggingFace;
using Granary.Models.Texts;
using Granary.Torch;
using Granary.Torch.Data.Tokens;
using Granary.Torch.Networks;
using Granary.Torch.Onnx;
using Granary.Training.Optimization;
using Granary.Training.Randomness;
using Granary.Training.Tasks;
using static TorchSharp.torch;

namespace Granary.Models;

/// <summary>
/// BERT's masked language model (Devlin et al., 2018): some tokens of a text are hidden, and foretold from those on both sides. Windows
/// begin anywhere in the text; nothing is learned of which sentence follows which.
/// </summary>
[Learner("bert", "BERT: foretells hidden characters or word pieces of a text", DataSet = "tinyshakespeare", Data = typeof(TokenizedText), HuggingFace = typeof(BertFormat), Epochs = 2)]
public sealed class Bert : NetworkLearner<BertSettings, MaskedTokens>, IPredictor, IOnnxLearner
{
    private const string Accuracy = "accuracy";
    private const int MostChoices = 20;
    private readonly Lazy<TokenizedText> text;
    private readonly Tokenizer tokenizer;
    private readonly nn.Module network;

    // A token of word pieces; characters get one more.
    private readonly int mask;

    public Bert(LearnerContext context) : base(context)
    {
        var options = TokensOf(Settings);
        if (Settings.VocabularyFile.Length > 0 && Settings.Tokens != TokenOptions.WordPieces)
        {
            throw new TaskSettingException($"Setting 'vocabulary-file' is for tokens={TokenOptions.WordPieces}; they are {Settings.Tokens}.");
        }
        text = new(() => context.ForUse ? TokenizedText.Load(Spec.Data, tokenizer!) : TokenizedText.Load(Spec.Data, options));
        tokenizer = context.ForUse ? options.FromAssets(context.Asset) : text.Value.Tokenizer;
        mask = MaskOf(tokenizer);
        var shape = ShapeOf(Settings, tokenizer);
        network = Settings.Architecture == BertFormat.Original ? new OriginalBert(shape) : new PreNormBert(shape);
    }

    internal static TokenOptions TokensOf(BertSettings settings) =>
        new(settings.Tokens, settings.Vocabulary, settings.VocabularyFile, settings.Cased, $"tokens={TokenOptions.WordPieces} --set vocabulary-file=PATH");

    internal static TransformerShape ShapeOf(BertSettings settings, Tokenizer tokenizer) =>
        TransformerShape.Checked(Math.Max(tokenizer.Count, MaskOf(tokenizer) + 1), settings.Context, settings.Layers, settings.Heads, settings.Width, settings.Dropout, causal: false);

    public override string Unit => "hidden tokens";

    public override Measure Measure => new("validation.accuracy", LowerIsBetter: false, Occasional: true);

    public override IReadOnlyDictionary<string, byte[]> Assets => tokenizer.Assets;

    public InputKind Takes => InputKind.Text;

    protected override nn.Module Network => network;

    protected override Func<IBatches<MaskedTokens>> Training => () =>
    {
        var tokens = text.Value.Training();
        return new RandomWindows<MaskedTokens>(tokens, Settings.Context, Settings.Context, Settings.Batch, Spec, (starts, seeds) => Hide(tokens, starts, seeds));
    };

    protected override Func<IBatches<MaskedTokens>> Validation => () => HeldOut(text.Value.Validation(), "validation");

    protected override Func<IBatches<MaskedTokens>>? Test => TokenizedText.HasTest(Spec.Data) ? () => HeldOut(text.Value.Test!(), "test") : null;

    protected override IReadOnlyList<ParameterGroup> Groups => [new(name => !TextTransformer.IsMatrix(name), WeightDecay: 0)];

    protected override IReadOnlyList<string> Judged => [Loss, Accuracy];

    public override void Initialize(nn.Module module, ulong seed) => TextTransformer.Initialize(module, seed);

    public void Describe(OnnxGraph graph)
    {
        OnnxValue tokens_BT = graph.IntegerInput("input_ids", "batch", "time"), seen_BT = graph.IntegerInput("attention_mask", "batch", "time");
        graph.Output("logits", Reader.Logits(graph, Reader.Read(graph, tokens_BT, seen_BT)), "batch", "time", Math.Max(tokenizer.Count, mask + 1));
    }

    public IReadOnlyList<Prediction> Predict(IReadOnlyList<string> inputs) => [.. inputs.Select(input => Use(() => Fill(input)))];

    protected override Tensor LossSum(MaskedTokens batch, ShardPass pass)
    {
        pass.Weight += batch.Targets_N.numel();
        return Reader.LossSum(ReadAt(batch), batch.Targets_N);
    }

    protected override void Judge(MaskedTokens batch, ShardPass pass)
    {
        pass.Weight += batch.Targets_N.numel();
        var logits_NV = Reader.Logits(ReadAt(batch));
        pass.Add(Loss, nn.functional.cross_entropy(logits_NV, batch.Targets_N, reduction: nn.Reduction.Sum));
        pass.Add(Accuracy, logits_NV.argmax(1).eq(batch.Targets_N).sum());
    }

    private OrderedWindows<MaskedTokens> HeldOut(ITokens tokens, string purpose) =>
        new(tokens, Settings.Context, Settings.Context, Settings.Batch, purpose, Spec, (starts, seeds) => Hide(tokens, starts, seeds));

    private static int MaskOf(Tokenizer tokenizer) => (tokenizer as WordPieceTokens)?.MaskNumber ?? tokenizer.Count;

    /// <summary>Of the tokens that are chosen to be foretold most are hidden, some become another one, and some stay.</summary>
    private MaskedTokens Hide(ITokens text, long[] starts, ulong[] seeds)
    {
        var tokens_BT = empty(starts.Length, Settings.Context, dtype: int64);
        var all = MemoryMarshal.Cast<byte, long>(tokens_BT.bytes);
        var (places, targets) = (new List<long>(), new List<long>());
        for (var i = 0; i < starts.Length; i++)
        {
            var window = all.Slice(i * Settings.Context, Settings.Context);
            text.Read(starts[i], window);
            var (random, hidden) = (new StepRandom(seeds[i], 1), places.Count);
            for (var t = 0; t < window.Length; t++)
            {
                if (random.NextDouble() < Settings.Hidden)
                {
                    places.Add(i * Settings.Context + t);
                    targets.Add(window[t]);
                    var how = random.NextDouble();
                    window[t] = how < 0.8 ? mask : how < 0.9 ? random.Next(tokenizer.Count) : window[t];
                }
            }
            if (places.Count == hidden)
            {
                // A window from which there is nothing to learn would be none.
                var t = random.Next(window.Length);
                places.Add(i * Settings.Context + t);
                targets.Add(window[t]);
                window[t] = mask;
            }
        }
        return new(tokens_BT, tensor([.. places], dtype: int64), tensor([.. targets], dtype: int64));
    }

    private Prediction Fill(string input)
    {
        var parts = input.Split(WordPieceTokens.Mask);
        if (parts.Length == 1)
        {
            throw new UnanswerableInputException($"'{input}' has no gap: write {WordPieceTokens.Mask} where something is missing.");
        }
        List<long> tokens = [.. tokenizer.Encode(parts[0])];
        var gaps = new List<long>();
        foreach (var part in parts[1..])
        {
            gaps.Add(tokens.Count);
            tokens.AddRange([mask, .. tokenizer.Encode(part)]);
        }
        if (tokens.Count > Settings.Context)
        {
            throw new UnanswerableInputException($"'{input}' has {tokens.Count} tokens; the model sees {Settings.Context} at most. Give a shorter text.");
        }
        var batch = Bring(new MaskedTokens(tensor([.. tokens], [1, tokens.Count], dtype: int64), tensor([.. gaps], dtype: int64), empty(0)));
        var odds_NV = Reader.Logits(ReadAt(batch)).softmax(1);
        var choices = gaps.Select((_, gap) => Likeliest(odds_NV[gap].Values<float>())).ToList();
        var filled = string.Concat(parts.Zip([.. choices.Select(choice => choice[0].Label), ""], Join));
        return new(filled, choices[0]);
    }

    private List<Choice> Likeliest(float[] odds) =>
    [
        .. Enumerable.Range(0, tokenizer.Count).Where(token => token != tokenizer.Unknown && (tokenizer as WordPieceTokens)?.IsText(token) != false)
            .OrderByDescending(token => odds[token]).Take(MostChoices).Select(token => new Choice(tokenizer.Decode([token]), odds[token])),
    ];

    // What goes on within a word stands without a blank.
    private static string Join(string before, string piece) => piece.StartsWith(WordPieceTokens.Inside, StringComparison.Ordinal) && piece.Length > WordPieceTokens.Inside.Length
        ? before.TrimEnd(' ') + piece[WordPieceTokens.Inside.Length..]
        : before + piece;

    private IMaskedReader Reader => (IMaskedReader)network;

    private Tensor ReadAt(MaskedTokens batch) => Reader.Read(batch.Tokens_BT).flatten(0, 1).index_select(0, batch.Places_N);
}

/// <summary>Windows of a text in which tokens are hidden.</summary>
/// <param name="Places_N">Which tokens, counted through all windows, are to be foretold.</param>
/// <param name="Targets_N">What stood there.</param>
public sealed record MaskedTokens(Tensor Tokens_BT, Tensor Places_N, Tensor Targets_N);

public sealed record BertSettings : TransformerSettings
{
    public BertSettings() => (Batch, Optimizer, LearningRate, WeightDecay, Clip, Schedule, WarmUp, ValidateEvery) =
        (16, OptimizerChoice.AdamW, 1e-3, 0.01, 1, Training.Optimization.Schedule.Linear, 100, 500);

    [Setting("what a layer is like: with normalization before each of its halves, as in GPT-2, which learns sooner; or as published, with normalization behind them, for weights from elsewhere", Choices = ["pre-norm", BertFormat.Original])]
    public string Architecture { get; init; } = "pre-norm";

    [Setting("what a token is: a character, which is learned in minutes, or a piece of a word, which wants more text and time", Choices = [TokenOptions.Characters, TokenOptions.WordPieces])]
    public string Tokens { get; init; } = TokenOptions.Characters;

    [Setting("most word pieces, where they are learned from the text", Min = 2, Max = 1 << 20)]
    public int Vocabulary { get; init; } = 1000;

    [Setting("a vocabulary of word pieces, one a line, such as BERT's vocab.txt; without one they are learned", IsPath = true)]
    public string VocabularyFile { get; init; } = "";

    [Setting("whether capitals and accents are kept in word pieces")]
    public bool Cased { get; init; }

    [Setting("share of the tokens that are to be foretold", Min = 0.01, Max = 0.99)]
    public double Hidden { get; init; } = 0.15;
}

// B windows of a batch, T time, C channels, V vocabulary, N = B T
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
/// GPT-2 of any size (Radford et al., 2019): foretells each token of a text from those before it. It learns from windows that begin
/// anywhere in the text. Its tensors have the names and the layout of GPT-2's, whose weights it can begin with.
/// </summary>
[Learner("gpt", "GPT-2 of any size over characters, words, bytes or byte pairs", DataSet = "tinyshakespeare", Data = typeof(TokenizedText), HuggingFace = typeof(GptFormat), Epochs = 2)]
public sealed class Gpt : NetworkLearner<GptSettings, Examples>, ITextGenerator, IOnnxLearner
{
    private const string Bytes = "bytes", Unknown = "unknown";
    private readonly Lazy<TokenizedText> text;
    private readonly Tokenizer tokenizer;
    private readonly TextTransformer network;

    public Gpt(LearnerContext context) : base(context)
    {
        var options = new TokenOptions(Settings.Tokens, Settings.Vocabulary, HowGiven: $"tokens={TokenOptions.Gpt2} or tokens={TokenOptions.Bytes}");
        text = new(() => context.ForUse ? TokenizedText.Load(Spec.Data, tokenizer!) : TokenizedText.Load(Spec.Data, options));
        tokenizer = context.ForUse ? options.FromAssets(context.Asset) : text.Value.Tokenizer;
        network = new(TransformerShape.Checked(tokenizer.Count, Settings.Context, Settings.Layers, Settings.Heads, Settings.Width, Settings.Dropout, causal: true));
    }

    public override string Unit => "tokens";

    public override Measure Measure => new("validation.perplexity", LowerIsBetter: true, Occasional: true);

    public override IReadOnlyDictionary<string, byte[]> Assets => tokenizer.Assets;

    protected override nn.Module Network => network;

    protected override Func<IBatches<Examples>> Training => () =>
    {
        var tokens = text.Value.Training();
        return new RandomWindows<Examples>(tokens, Settings.Context, Settings.Context + 1, Settings.Batch, Spec, (starts, _) => TokenWindows.WithNext(tokens, starts, Settings.Context));
    };

    protected override Func<IBatches<Examples>> Validation => () => HeldOut(text.Value.Validation(), "validation");

    protected override Func<IBatches<Examples>>? Test => TokenizedText.HasTest(Spec.Data) ? () => HeldOut(text.Value.Test!(), "test") : null;

    protected override IReadOnlyList<ParameterGroup> Groups => [new(name => !TextTransformer.IsMatrix(name), WeightDecay: 0)];

    protected override IReadOnlyList<string> Judged => [Loss, Bytes, Unknown];

    public override void Initialize(nn.Module module, ulong seed) => TextTransformer.Initialize(module, seed);

    public override bool SamplesDue(long step) => IsValidated(step);

    public override void WriteSamples(string folder, long step) =>
        File.WriteAllText(Path.Combine(folder, $"step-{step + 1:D8}.txt"), Generate(prompt: null, Settings.SampleTokens, Spec.Seed) + "\n");

    public string Generate(string? prompt, int count, ulong seed, Sampling? sampling = null) => Use(() => Write(prompt ?? "", count, seed, sampling ?? new()));

    public void Describe(OnnxGraph graph) =>
        graph.Output("logits", network.Logits(graph, network.Read(graph, graph.IntegerInput("input_ids", "batch", "time"))), "batch", "time", tokenizer.Count);

    protected override Tensor LossSum(Examples batch, ShardPass pass)
    {
        pass.Weight += batch.Targets.numel();
        return network.LossSum(network.Read(batch.Inputs).flatten(0, 1), batch.Targets.flatten());
    }

    protected override void Judge(Examples batch, ShardPass pass)
    {
        pass.Weight += batch.Targets.numel();
        pass.Add(Loss, nn.functional.cross_entropy(network.Logits(network.Read(batch.Inputs).flatten(0, 1)), batch.Targets.flatten(), reduction: nn.Reduction.Sum));
        long[] inputs = batch.Inputs.Values<long>(), targets = batch.Targets.Values<long>();
        for (var i = 0; i < targets.Length; i++)
        {
            pass.Add(Bytes, tokenizer.BytesOf((int)targets[i], before: (int)inputs[i]));
            pass.Add(Unknown, targets[i] == tokenizer.Unknown ? 1 : 0);
        }
    }

    protected override void Report(Totals totals, Metrics metrics)
    {
        metrics[$"{totals.Phase}.{Loss}"] = totals.Mean(Loss);
        metrics[$"{totals.Phase}.perplexity"] = Math.Exp(totals.Mean(Loss));
        // What is unknown cannot be written out again: the bits would be too few.
        if (totals[Unknown] == 0)
        {
            metrics[$"{totals.Phase}.bits-per-byte"] = totals[Loss] / Math.Log(2) / totals[Bytes];
        }
    }

    private OrderedWindows<Examples> HeldOut(ITokens tokens, string purpose) =>
        new(tokens, Settings.Context, Settings.Context + 1, Settings.Batch, purpose, Spec, (starts, _) => TokenWindows.WithNext(tokens, starts, Settings.Context));

    private string Write(string prompt, int count, ulong seed, Sampling sampling)
    {
        var random = new StepRandom(seed);
        int[] given = [.. tokenizer.Encode(prompt)];
        List<int> written = given.Length > 0 ? [.. given] : [tokenizer.Start];
        var (begin, read) = (written.Count, 0);
        var memory = new TransformerMemory(Settings.Layers);
        while (written.Count < begin + count)
        {
            if (memory.Length + written.Count - read > Settings.Context)
            {
                // No place is left behind the last token: it goes on from the last half of the context, at its beginning.
                memory = new(Settings.Layers);
                read = written.Count - Math.Max(1, Settings.Context / 2);
            }
            var odds = Odds(written[read..], memory);
            read = written.Count;
            written.Add(sampling.Draw(odds, ref random));
        }
        return tokenizer.Decode(given.Length > 0 ? written : written[1..]);
    }

    /// <summary>Reads some tokens and gives the odds of the next.</summary>
    private float[] Odds(List<int> tokens, TransformerMemory memory)
    {
        using var scope = NewDisposeScope();
        var read_BTC = network.Read(Bring(tensor([.. tokens.Select(token => (long)token)], [1, tokens.Count])), memory: memory);
        var odds = network.Logits(read_BTC.select(1, tokens.Count - 1)).softmax(-1).Values<float>();
        if (tokenizer.Unknown is { } unknown)
        {
            odds[unknown] = 0; // nobody wants to read it
        }
        return odds;
    }
}

public sealed record GptSettings : TransformerSettings
{
    public GptSettings() => (Batch, Optimizer, Beta2, LearningRate, WeightDecay, Clip, Schedule, WarmUp, ValidateEvery) =
        (12, OptimizerChoice.AdamW, 0.99, 1e-3, 0.1, 1, Training.Optimization.Schedule.Cosine, 100, 500);

    [Setting("what a token is: a character, a word, a byte, byte pairs learned from the text, or GPT-2's own", Choices = [TokenOptions.Characters, TokenOptions.Words, TokenOptions.Bytes, TokenOptions.BytePairs, TokenOptions.Gpt2])]
    public string Tokens { get; init; } = TokenOptions.Characters;

    [Setting("most tokens, of words and of byte pairs that are learned", Min = 2, Max = 1 << 20)]
    public int Vocabulary { get; init; } = 2000;

    [Setting("tokens in a sample of text", Min = 1, Max = 1 << 16)]
    public int SampleTokens { get; init; } = 300;
}

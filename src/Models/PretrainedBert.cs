using System.Text.Json;
using Granary.Models.Texts;
using Granary.Torch;
using Granary.Torch.Data.Texts;
using Granary.Torch.Data.Tokens;
using Granary.Torch.Networks;
using Granary.Training.Checkpoints;
using Granary.Training.Tasks;
using static TorchSharp.torch;

namespace Granary.Models;

/// <summary>A run of <c>bert</c> that another model begins with: its tokens, and the shape of its network. The weights come by <c>--init</c>.</summary>
internal sealed class PretrainedBert
{
    private const string FileName = "bert.json";
    private readonly Tokenizer tokenizer;

    private PretrainedBert(IReadOnlyDictionary<string, string> settings, Func<string, byte[]> asset)
    {
        var bound = TaskSettings.Bind<BertSettings>(new() { Task = Task.Name, Settings = settings });
        tokenizer = Bert.TokensOf(bound).FromAssets(asset);
        Shape = Bert.ShapeOf(bound, tokenizer);
        Assets = new Dictionary<string, byte[]>(tokenizer.Assets) { [FileName] = JsonSerializer.SerializeToUtf8Bytes(new SortedDictionary<string, string>(settings.ToDictionary(), StringComparer.Ordinal)) };
    }

    private static ITrainingTask Task { get; } = LearnerTask.Of<Bert>();

    /// <summary>Of its network.</summary>
    public TransformerShape Shape { get; }

    /// <summary>What a model that begins with it keeps of it.</summary>
    public IReadOnlyDictionary<string, byte[]> Assets { get; }

    /// <summary>The run that a spec begins with.</summary>
    /// <exception cref="TaskSettingException">The spec begins with nothing.</exception>
    /// <exception cref="TrainingDataException">It is no run of <c>bert</c>.</exception>
    public static PretrainedBert At(string? init)
    {
        var run = TrainedRun.Find(init ?? throw new TaskSettingException("Setting 'model' is bert, which begins with a run of the task bert: --init RUNDIR."), Task.Name);
        return new(run.Manifest.Spec.Settings, run.ReadAsset);
    }

    /// <summary>That of a model that is trained already.</summary>
    /// <exception cref="CheckpointException">An asset is missing or damaged.</exception>
    public static PretrainedBert FromAssets(Func<string, byte[]> asset)
    {
        try
        {
            return new(JsonSerializer.Deserialize<Dictionary<string, string>>(asset(FileName)) ?? [], asset);
        }
        catch (Exception error) when (error is JsonException or TaskSettingException)
        {
            throw new CheckpointException($"The checkpoint's {FileName} is damaged: {error.Message} Use another checkpoint, or train anew.", error);
        }
    }

    /// <summary>The tokens of each word, the blank behind it among them where blanks are tokens.</summary>
    public int[][] TokensOf(IReadOnlyList<string> words) => [.. words.Select(word => tokenizer.Encode($"{word} "))];
}

/// <summary>BERT's network with a layer upon it that classifies texts, by the mean of what their tokens have become.</summary>
internal sealed class BertClassifier : TextTransformer, ITextClassifier
{
    private readonly nn.Module<Tensor, Tensor> classify;

    public BertClassifier(TransformerShape shape, double dropout, int outputs) : base(shape) =>
        register_module("head", classify = nn.Sequential(("dropout", nn.Dropout(dropout)), ("output", nn.Linear(shape.Width, outputs))));

    public Tensor Forward(PaddedTexts texts)
    {
        var words_BTC = Read(texts.Words_TB.t().contiguous(), texts.Mask_TB1.squeeze(-1).t().eq(0));
        var mask_BT1 = texts.Mask_TB1.transpose(0, 1);
        return classify.call((words_BTC * mask_BT1).sum(dim: 1) / mask_BT1.sum(dim: 1));
    }
}

using System.Text.Json;
using Granary.Models.HuggingFace;
using Granary.Models.Texts;
using Granary.Torch;
using Granary.Torch.Data.Texts;
using Granary.Torch.Data.Tokens;
using Granary.Torch.Networks;
using Granary.Torch.Onnx;
using Granary.Training.Checkpoints;
using Granary.Training.Tasks;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Granary.Models;

/// <summary>A run of <c>bert</c>, or a folder of Hugging Face's, that another model begins with: its tokens, and the shape of its network. The weights come by <c>--init</c>.</summary>
internal sealed class PretrainedBert
{
    private const string FileName = "bert.json";
    private readonly Tokenizer tokenizer;
    private readonly bool isOriginal;

    private PretrainedBert(IReadOnlyDictionary<string, string> settings, Func<string, byte[]> asset)
    {
        var bound = TaskSettings.Bind<BertSettings>(new() { Task = Task.Name, Settings = settings });
        tokenizer = Bert.TokensOf(bound).FromAssets(asset);
        (Shape, isOriginal) = (Bert.ShapeOf(bound, tokenizer), bound.Architecture == BertFormat.Original);
        Assets = new Dictionary<string, byte[]>(tokenizer.Assets) { [FileName] = JsonSerializer.SerializeToUtf8Bytes(new SortedDictionary<string, string>(settings.ToDictionary(), StringComparer.Ordinal)) };
    }

    private static ITrainingTask Task { get; } = LearnerTask.Of<Bert>();

    /// <summary>Of its network.</summary>
    public TransformerShape Shape { get; }

    /// <summary>What a model that begins with it keeps of it.</summary>
    public IReadOnlyDictionary<string, byte[]> Assets { get; }

    /// <summary>What a spec begins with.</summary>
    /// <exception cref="TaskSettingException">The spec begins with nothing.</exception>
    /// <exception cref="TrainingDataException">It is no run of <c>bert</c>, and no folder with a BERT and its <c>vocab.txt</c>.</exception>
    public static PretrainedBert At(string? init)
    {
        if (init is null)
        {
            throw new TaskSettingException("Setting 'model' is bert, which begins with a run of the task bert, or a folder of Hugging Face's: --init PATH.");
        }
        if (HuggingFaceConfig.At(init) is { } config)
        {
            var told = new Dictionary<string, string>(new BertFormat().SettingsOf(config));
            return told.Remove("vocabulary-file") ? new(told, name => File.ReadAllBytes(config.PathBeside(name)!)) : throw new TrainingDataException($"'{init}' has no vocab.txt, without which its network cannot read a text. Put it there.");
        }
        var run = TrainedRun.Find(init, Task.Name);
        return new(run.Manifest.Spec.Settings, run.ReadAsset);
    }

    /// <summary>Its network with a layer upon it that classifies texts.</summary>
    public nn.Module CreateClassifier(double dropout, int outputs) => isOriginal ? new OriginalBertClassifier(Shape, dropout, outputs) : new BertClassifier(Shape, dropout, outputs);

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
    private readonly MeanHead head;

    public BertClassifier(TransformerShape shape, double dropout, int outputs) : base(shape) => register_module("head", head = new(shape.Width, dropout, outputs));

    public Tensor Forward(PaddedTexts texts) => head.Of(texts, Read);

    public OnnxValue Describe(OnnxGraph graph, OnnxValue seen_BT) => head.Describe(graph, Read(graph, ITextClassifier.Words(graph), seen_BT), seen_BT);

    private Tensor Read(Tensor words_BT, Tensor padding_BT) => Read(words_BT, padding_BT, memory: null);
}

/// <summary>The same upon BERT as it was published.</summary>
internal sealed class OriginalBertClassifier : OriginalBert, ITextClassifier
{
    private readonly MeanHead head;

    public OriginalBertClassifier(TransformerShape shape, double dropout, int outputs) : base(shape, foretells: false) => register_module("head", head = new(shape.Width, dropout, outputs));

    public Tensor Forward(PaddedTexts texts) => head.Of(texts, Read);

    public OnnxValue Describe(OnnxGraph graph, OnnxValue seen_BT) => head.Describe(graph, Read(graph, ITextClassifier.Words(graph), seen_BT), seen_BT);
}

/// <summary>Classifies a text by the mean of what its tokens have become.</summary>
internal sealed class MeanHead : nn.Module
{
    private readonly Dropout dropout;
    private readonly Linear output;

    public MeanHead(int width, double dropout, int outputs) : base("head")
    {
        (this.dropout, output) = (nn.Dropout(dropout), nn.Linear(width, outputs));
        RegisterComponents();
    }

    /// <param name="read">What the tokens become, by their numbers and where they have ended.</param>
    public Tensor Of(PaddedTexts texts, Func<Tensor, Tensor, Tensor> read)
    {
        var words_BTC = read(texts.Words_TB.t().contiguous(), texts.Mask_TB1.squeeze(-1).t().eq(0));
        var mask_BT1 = texts.Mask_TB1.transpose(0, 1);
        return output.call(dropout.call((words_BTC * mask_BT1).sum(dim: 1) / mask_BT1.sum(dim: 1)));
    }

    public OnnxValue Describe(OnnxGraph graph, OnnxValue words_BTC, OnnxValue seen_BT) => graph.Add(output, graph.Mean(words_BTC, seen_BT));
}

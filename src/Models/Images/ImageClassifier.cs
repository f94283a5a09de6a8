// B batch, C classes, H height, W width
using System.Globalization;
using System.Text.Json;
using Granary.Torch;
using Granary.Torch.Data;
using Granary.Torch.Data.Images;
using Granary.Torch.Onnx;
using Granary.Training.Tasks;
using static TorchSharp.torch;

namespace Granary.Models.Images;

/// <summary>What networks that tell classes of images apart have in common: everything but the network.</summary>
/// <param name="otherwise">What they learn from where there are no data.</param>
public abstract class ImageClassifier<TSettings>(LearnerContext context, DrawnImages otherwise) : NetworkLearner<TSettings, Examples>(context), IPredictor, IOnnxLearner
    where TSettings : ImageClassifierSettings, new()
{
    private const int WorstShown = 36, WorstAmong = 512, Top = 5;
    private const string AmongTop = "top5";
    private readonly DrawnImages otherwise = otherwise;
    private ImageData? data;
    private nn.Module<Tensor, Tensor>? network;
    private ImageShape? shape;
    private IReadOnlyList<string>? classes;
    private Confusion? confusion;

    public override string Unit => "images";

    public override Measure Measure => new("validation.accuracy", LowerIsBetter: false, Occasional: true);

    public override IReadOnlyDictionary<string, byte[]> Assets => Shape.ToAssets().Concat(ClassNames.ToAssets(Classes)).ToDictionary();

    public override string? Findings => Confusion.ToString();

    public InputKind Takes => InputKind.Picture;

    protected override nn.Module<Tensor, Tensor> Network => network ??= Build(Shape, Classes.Count);

    protected override Func<IBatches<Examples>> Training => () => new ShuffledBatches<Examples>(Data.Train.Count, Settings.Batch, Spec,
        (chosen, epoch) => Data.Train.ToExamples(chosen, Shape, new(Settings.Crop, Settings.Stretch, Settings.Shift, Settings.Mirror), Spec.Seed, epoch));

    protected override Func<IBatches<Examples>> Validation => () => new OrderedBatches<Examples>(Data.HeldOut.Count, Settings.Batch, Spec, chosen => Data.HeldOut.ToExamples(chosen, Shape));

    protected override IReadOnlyList<string> Judged => [Loss, .. Classes.Count > Top ? [AmongTop] : Array.Empty<string>(), .. Confusion.Sums];

    private ImageData Data => data ??= Context.ForUse ? ImageData.Load(Spec.Data, otherwise, Classes) : ImageData.Load(Spec.Data, otherwise);

    private ImageShape Shape => shape ??= Context.ForUse ? ImageShape.FromAssets(Context.Asset) : Data.ShapeFor(Settings.Size);

    private IReadOnlyList<string> Classes => classes ??= Context.ForUse ? ClassNames.FromAssets(Context.Asset) : Data.Classes;

    private Confusion Confusion => confusion ??= new(Classes);

    public override bool SamplesDue(long step) => IsValidated(step);

    /// <summary>The table of what was taken for what, and of some held-out images those with the largest loss.</summary>
    public override void WriteSamples(string folder, long step)
    {
        var heldOut = Data.HeldOut;
        int[] some = [.. Enumerable.Range(0, Math.Min(WorstAmong, heldOut.Count)).Select(number => (int)((long)number * heldOut.Count / Math.Min(WorstAmong, heldOut.Count)))];
        var judged = Use(() => some.Chunk(Settings.Batch).SelectMany(chosen =>
        {
            var batch = Bring(heldOut.ToExamples(chosen, Shape));
            var logits_BC = Network.call(batch.Inputs).to(float32);
            var losses = nn.functional.cross_entropy(logits_BC, batch.Targets, reduction: nn.Reduction.None).Values<float>();
            return chosen.Zip(losses, Answers.Of(logits_BC, Classes));
        }).OrderByDescending(entry => entry.Second).Take(WorstShown).ToList());
        var lines = judged.Select((entry, place) => string.Create(CultureInfo.InvariantCulture, $"{place + 1,2}  loss {entry.Second:0.00}  {Classes[heldOut.LabelOf(entry.First)]} taken for {entry.Third.Answer} ({entry.Third.Choices[0].Probability:0.00})\n"));
        File.WriteAllText(Path.Combine(folder, $"step-{step + 1:D8}.txt"), $"{Confusion}\nThe worst of {some.Length} held-out images, in reading order:\n{string.Concat(lines)}");
        Confusion.WriteTable(folder, step);
        File.WriteAllBytes(Path.Combine(folder, $"step-{step + 1:D8}.png"), Use(() => ImageGrid.Of(heldOut.ToExamples([.. judged.Select(entry => entry.First)], Shape).Inputs).ToPng()));
    }

    public IReadOnlyList<Prediction> Predict(IReadOnlyList<string> inputs) =>
        Use(() => Answers.Of(Network.call(Bring(cat([.. inputs.Select(path => Picture.Read(path).ToTensor(Shape))]))), Classes));

    /// <summary>Pixels go from -1, dark, to 1.</summary>
    public void Describe(OnnxGraph graph)
    {
        graph.Note("classes", JsonSerializer.Serialize(Classes));
        graph.Output("logits", graph.Add(Network, graph.Input("images", "batch", Shape.Colours, Shape.Height, Shape.Width)), "batch", Classes.Count);
    }

    /// <param name="shape">Of the images.</param>
    /// <returns>A network from images, B x C x H x W, to a logit for each class.</returns>
    protected abstract nn.Module<Tensor, Tensor> Build(ImageShape shape, int classes);

    protected override Tensor LossSum(Examples batch, ShardPass pass) => Against(batch.Targets, Network.call(batch.Inputs), pass);

    protected override void Judge(Examples batch, ShardPass pass)
    {
        var logits_BC = Network.call(batch.Inputs);
        pass.Add(Loss, Against(batch.Targets, logits_BC, pass));
        Confusion.Add(logits_BC.argmax(1), batch.Targets, pass);
        if (Classes.Count > Top)
        {
            pass.Add(AmongTop, logits_BC.topk(Top, 1).indexes.eq(batch.Targets.unsqueeze(1)).sum());
        }
    }

    protected override void Report(Totals totals, Metrics metrics)
    {
        metrics[$"{totals.Phase}.loss"] = totals.Mean(Loss);
        Confusion.Report(totals, metrics);
        if (Classes.Count > Top)
        {
            metrics[$"{totals.Phase}.accuracy.top5"] = totals.Mean(AmongTop);
        }
    }

    private static Tensor Against(Tensor labels_B, Tensor logits_BC, ShardPass pass)
    {
        pass.Weight += labels_B.numel();
        return nn.functional.cross_entropy(logits_BC.to(float32), labels_B, reduction: nn.Reduction.Sum);
    }
}

public abstract record ImageClassifierSettings : NetworkSettings
{
    [Setting("pixels of either side of the images; 0: as the data are, or 128 where these have many sizes", Min = 0, Max = 1 << 12)]
    public int Size { get; init; }

    [Setting("least share of an image's area that training sees of it; 1: all of it, always", Min = 0.01, Max = 1)]
    public double Crop { get; init; } = 1;

    [Setting("largest factor by which the proportions of such a part differ from the image's", Min = 1, Max = 4)]
    public double Stretch { get; init; } = 1;

    [Setting("pixels by which training moves images, at most", Min = 0, Max = 1 << 10)]
    public int Shift { get; init; }

    [Setting("whether training mirrors every second image, left to right")]
    public bool Mirror { get; init; }
}

// B batch, K feature maps, H height, W width
using Granary.Models.Images;
using Granary.Torch;
using Granary.Torch.Data;
using Granary.Torch.Data.Images;
using Granary.Torch.Onnx;
using Granary.Training.Tasks;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Granary.Models;

/// <summary>
/// A network that paints any picture in one style (Johnson et al., 2016): it learns from many pictures what <see cref="Style"/> does to one, and
/// then takes milliseconds. Normalization sees one picture at a time, so that the number of shards makes no difference to what is learned.
/// </summary>
[Learner("style-network", "a network learns to paint any picture in the style of another (--set style=); data: a folder of pictures; built in: drawn pictures", Data = typeof(ImageData), InitMap = ["?fc.*=", "?=fc.*", "=painter.*"], Epochs = 10)]
public sealed class StyleNetwork : Learner<NetworkStyleSettings>, IPictureTransformer, IOnnxLearner
{
    private const int Between = 25, Shown = 4;
    private readonly Lazy<ImageData> data;
    private readonly ImageShape shape;
    private readonly Painter painter;
    private readonly StyleLoss loss;

    public StyleNetwork(LearnerContext context) : base(context)
    {
        data = new(() => ImageData.Load(Spec.Data, DrawnImages.Scenes));
        shape = new(3, Settings.Size, Settings.Size);
        painter = new(Settings.Maps, Settings.Blocks);
        loss = new(Settings, () => StyleLoss.Style(Settings));
        Networks = [("painter", painter), ("", loss.Features)];
        Phases =
        [
            new LearningPhase<Examples>("train", Settings, [painter], () => new ShuffledBatches<Examples>(data.Value.Train.Count, Settings.Batch, Spec, (chosen, epoch) => data.Value.Train.ToExamples(chosen, shape, new(Mirrored: true), Spec.Seed, epoch)), Paint)
            {
                Sums = StyleLoss.Sums,
            },
            new HeldOutPhase<Examples>("validation", () => new OrderedBatches<Examples>(data.Value.HeldOut.Count, Settings.Batch, Spec, chosen => data.Value.HeldOut.ToExamples(chosen, shape)), (batch, pass) => pass.Add(Metrics.Loss, Paint(batch, pass)))
            {
                Sums = [Metrics.Loss, .. StyleLoss.Sums],
            },
        ];
    }

    public override IReadOnlyList<(string Name, nn.Module Module)> Networks { get; }

    public override IReadOnlyList<Phase> Phases { get; }

    public override string Unit => "pictures";

    public override Measure Measure => new("validation.loss", LowerIsBetter: true, Occasional: true);

    public override void Initialize(nn.Module network, ulong seed)
    {
        base.Initialize(network, seed);
        (network as IImageBody)?.Initialize(seed);
    }

    public override bool SamplesDue(long step) => (step + 1) % (Settings.SamplesEvery > 0 ? Settings.SamplesEvery : Between) == 0 || step + 1 == TotalSteps;

    /// <summary>Some held-out pictures, and what becomes of them.</summary>
    public override void WriteSamples(string folder, long step) => File.WriteAllBytes(Path.Combine(folder, $"step-{step + 1:D8}.png"), Use(() =>
    {
        var given_BKHW = Bring(data.Value.HeldOut.ToExamples([.. Enumerable.Range(0, Math.Min(Shown, data.Value.HeldOut.Count))], shape).Inputs);
        return ImageGrid.Of(cat([given_BKHW, painter.call(given_BKHW)])).ToPng();
    }));

    public byte[] Transform(string path) => Use(() =>
    {
        var picture = Picture.Read(path);
        // The painter halves the sides twice and doubles them again.
        return Picture.From(painter.call(Bring(picture.ToTensor(new(3, Math.Max(16, picture.Shape.Height / 4 * 4), Math.Max(16, picture.Shape.Width / 4 * 4)))))[0]).ToPng();
    });

    /// <summary>The painter; it keeps the size of pictures whose sides are multiples of 4.</summary>
    public void Describe(OnnxGraph graph) => graph.Output("painted", graph.Add(painter, graph.Input("images", "batch", 3, "height", "width")), "batch", 3, "height", "width");

    public override void Dispose()
    {
        loss.Dispose();
        base.Dispose();
    }

    private Tensor Paint(Examples batch, ShardPass pass)
    {
        pass.Weight += batch.Inputs.shape[0];
        return loss.Sum(painter.call(batch.Inputs), batch.Inputs, pass);
    }

    /// <summary>Convolutions that shrink a picture to a quarter of each side, residual blocks, and convolutions that enlarge it again.</summary>
    private sealed class Painter : nn.Module<Tensor, Tensor>, IOnnxModule
    {
        private readonly Sequential shrink, enlarge;
        private readonly ModuleList<Sequential> blocks;

        public Painter(int maps, int count) : base("painter")
        {
            shrink = nn.Sequential([.. Layer(3, maps, 9, 1), .. Layer(maps, 2 * maps, 3, 2), .. Layer(2 * maps, 4 * maps, 3, 2)]);
            blocks = nn.ModuleList([.. Enumerable.Range(0, count).Select(_ => nn.Sequential([.. Layer(4 * maps, 4 * maps, 3, 1), .. Layer(4 * maps, 4 * maps, 3, 1).SkipLast(1)]))]);
            // Enlarging by copies before a convolution leaves no checkerboard (Odena et al., 2016).
            enlarge = nn.Sequential([nn.Upsample(scale_factor: [2, 2]), .. Layer(4 * maps, 2 * maps, 3, 1), nn.Upsample(scale_factor: [2, 2]), .. Layer(2 * maps, maps, 3, 1), new Mirror(4), nn.Conv2d(maps, 3, 9), nn.Tanh()]);
            RegisterComponents();
        }

        public override Tensor forward(Tensor pictures_BKHW)
        {
            var maps_BKHW = shrink.call(pictures_BKHW);
            foreach (var block in blocks)
            {
                maps_BKHW = maps_BKHW + block.call(maps_BKHW);
            }
            return enlarge.call(maps_BKHW);
        }

        public OnnxValue Describe(OnnxGraph graph, OnnxValue input) =>
            graph.Add(enlarge, blocks.Aggregate(graph.Add(shrink, input), (maps, block) => graph.Apply("Add", [maps, graph.Add(block, maps)])));

        private static List<nn.Module<Tensor, Tensor>> Layer(int from, int to, int kernel, int stride) =>
            [new Mirror(kernel / 2), nn.Conv2d(from, to, kernel, stride: stride), nn.InstanceNorm2d(to, affine: true), nn.ReLU()];
    }
}

public sealed record NetworkStyleSettings : StyleSettings
{
    public NetworkStyleSettings() => (Batch, Size, LearningRate) = (4, 64, 1e-3);

    [Setting("feature maps beside the pictures; the original has 32", Min = 2, Max = 1 << 10)]
    public int Maps { get; init; } = 16;

    [Setting("residual blocks in the middle; the original has 5", Min = 0, Max = 100)]
    public int Blocks { get; init; } = 3;
}

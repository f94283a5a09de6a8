// B batch, Z latent numbers, K feature maps, H height, W width
using Granary.Models.Images;
using Granary.Torch;
using Granary.Torch.Data;
using Granary.Torch.Data.Images;
using Granary.Torch.Networks;
using Granary.Torch.Onnx;
using Granary.Training.Randomness;
using Granary.Training.Tasks;
using static TorchSharp.torch;

namespace Granary.Models;

/// <summary>
/// A generative adversarial network of convolutions (Radford et al., 2016): one network makes images out of noise, twice as large from layer to
/// layer, another tells them from real ones. Batch normalization sees its shard: the result depends on the number of shards.
/// </summary>
[Learner("dcgan", "a convolutional GAN draws images; data: MNIST's or CIFAR's format, or a folder a class; built in: drawn digits", DataSet = "mnist", Data = typeof(ImageData), Epochs = 3)]
public sealed class Dcgan : Learner<DcganSettings>, IPictureGenerator, IOnnxLearner
{
    private const int SampleCount = 64, Examined = 1000, Smallest = 4;
    private const string RealScore = "score.real", FakeScore = "score.fake", Drawn = "drawn";
    private readonly Lazy<ImageData> data;
    private readonly ImageShape shape;
    private readonly nn.Module<Tensor, Tensor> generator, discriminator;
    private readonly GanJudge judge;

    public Dcgan(LearnerContext context) : base(context)
    {
        data = new(() => ImageData.Load(Spec.Data));
        shape = context.ForUse ? ImageShape.FromAssets(context.Asset) : data.Value.ShapeFor(Settings.Size);
        if (shape.Height != shape.Width || shape.Height < 2 * Smallest || !int.IsPow2(shape.Height))
        {
            throw new TaskSettingException($"A DCGAN makes images whose sides double from {Smallest} pixels on, and these have {shape}: --set size=32, or 64.");
        }
        (generator, discriminator, judge) = (Artist(), Critic(), new(shape.Colours));
        Networks = [("generator", generator), ("discriminator", discriminator)];
        Phases =
        [
            new LearningPhase<Examples>("discriminator", Settings, [discriminator], () => Shuffled(chosen => data.Value.Train.ToExamples(chosen, shape)), Discriminate) { Sums = [RealScore, FakeScore] },
            new LearningPhase<int[]>("generator", Settings, [generator], () => Shuffled(chosen => chosen), Deceive) { Sums = [FakeScore] },
            new HeldOutPhase<Examples>("validation", HeldOut, Examine) { Sums = [RealScore, FakeScore, .. judge.Sums], Report = Report },
        ];
    }

    public override IReadOnlyList<(string Name, nn.Module Module)> Networks { get; }

    public override IReadOnlyList<Phase> Phases { get; }

    public override string Unit => "images";

    public override Measure Measure => new("validation.distance", LowerIsBetter: true, Occasional: true);

    public override IReadOnlyDictionary<string, byte[]> Assets => shape.ToAssets();

    public override void Initialize(nn.Module network, ulong seed)
    {
        base.Initialize(network, seed);
        var random = new StepRandom(seed, ulong.MaxValue);
        foreach (var (name, parameter) in network.named_parameters())
        {
            if (name.EndsWith("weight", StringComparison.Ordinal))
            {
                Initialization.Normal(parameter, parameter.dim() == 1 ? 1 : 0, 0.02, ref random);
            }
        }
    }

    public override bool SamplesDue(long step) => (step + 1) % (Settings.SamplesEvery > 0 ? Settings.SamplesEvery : StepsPerEpoch) == 0 || step + 1 == TotalSteps;

    public override void WriteSamples(string folder, long step) => File.WriteAllBytes(Path.Combine(folder, $"step-{step + 1:D8}.png"), Draw(SampleCount, Spec.Seed));

    public byte[] Draw(int count, ulong seed) => Use(() =>
    {
        using var random = new Generator(seed);
        return ImageGrid.Of(generator.call(Bring(empty(count, Settings.Latent, 1, 1).normal_(0, 1, random)))).ToPng();
    });

    /// <summary>The generator, whose pixels go from -1, dark, to 1.</summary>
    public void Describe(OnnxGraph graph) =>
        graph.Output("images", graph.Add(generator, graph.Input("noise", "batch", Settings.Latent, 1, 1)), "batch", shape.Colours, shape.Height, shape.Width);

    public override void Dispose()
    {
        judge.Dispose();
        base.Dispose();
    }

    private ShuffledBatches<TBatch> Shuffled<TBatch>(Func<int[], TBatch> make) where TBatch : class => new(data.Value.Train.Count, Settings.Batch, Spec, (chosen, _) => make(chosen));

    private OrderedBatches<Examples> HeldOut() =>
        new(Math.Min(Examined, data.Value.HeldOut.Count), Settings.Batch, Spec, chosen => data.Value.HeldOut.ToExamples(chosen, shape));

    private Tensor Discriminate(Examples real, ShardPass pass)
    {
        pass.Weight += real.Inputs.shape[0];
        Tensor real_B = Judged(real.Inputs), fake_B = Judged(pass.Prepare(Drawn, drawing => Paint(real.Inputs.shape[0], drawing)));
        pass.Add(RealScore, GanJudge.Score(real_B));
        pass.Add(FakeScore, GanJudge.Score(fake_B));
        return GanJudge.Says(real_B, real: true) + GanJudge.Says(fake_B, real: false);
    }

    private Tensor Deceive(int[] chosen, ShardPass pass)
    {
        pass.Weight += chosen.Length;
        var fake_B = Judged(pass.Prepared(Drawn, drawing => Paint(chosen.Length, drawing)));
        pass.Add(FakeScore, GanJudge.Score(fake_B));
        return GanJudge.Says(fake_B, real: true);
    }

    private void Examine(Examples real, ShardPass pass)
    {
        pass.Weight += real.Inputs.shape[0];
        var fake_BKHW = Paint(real.Inputs.shape[0], pass);
        pass.Add(RealScore, GanJudge.Score(Judged(real.Inputs)));
        pass.Add(FakeScore, GanJudge.Score(Judged(fake_BKHW)));
        judge.Compare(real.Inputs, fake_BKHW, pass);
    }

    private void Report(Totals totals, Metrics metrics)
    {
        (metrics["validation.score.real"], metrics["validation.score.fake"]) = (totals.Mean(RealScore), totals.Mean(FakeScore));
        judge.Report(totals, metrics);
    }

    private Tensor Paint(long count, ShardPass pass) => generator.call(pass.Noise(count, Settings.Latent, 1, 1)).to(float32);

    private Tensor Judged(Tensor images_BKHW) => discriminator.call(images_BKHW).view(-1);

    private ImageLayers Artist()
    {
        var maps = Settings.Maps * shape.Height / (2 * Smallest);
        var layers = new List<nn.Module<Tensor, Tensor>> { nn.ConvTranspose2d(Settings.Latent, maps, Smallest, bias: false) };
        for (; maps > Settings.Maps; maps /= 2)
        {
            layers.AddRange([nn.BatchNorm2d(maps), nn.ReLU(inplace: true), nn.ConvTranspose2d(maps, maps / 2, 4, stride: 2, padding: 1, bias: false)]);
        }
        return new ImageLayers([.. layers, nn.BatchNorm2d(maps), nn.ReLU(inplace: true), nn.ConvTranspose2d(maps, shape.Colours, 4, stride: 2, padding: 1, bias: false), nn.Tanh()]);
    }

    private ImageLayers Critic()
    {
        var maps = Settings.Maps;
        var layers = new List<nn.Module<Tensor, Tensor>> { nn.Conv2d(shape.Colours, maps, 4, stride: 2, padding: 1, bias: false), nn.LeakyReLU(0.2, inplace: true) };
        for (; maps < Settings.Maps * shape.Height / (2 * Smallest); maps *= 2)
        {
            layers.AddRange([nn.Conv2d(maps, 2 * maps, 4, stride: 2, padding: 1, bias: false), nn.BatchNorm2d(2 * maps), nn.LeakyReLU(0.2, inplace: true)]);
        }
        return new ImageLayers([.. layers, nn.Conv2d(maps, 1, Smallest, bias: false)]);
    }
}

public sealed record DcganSettings : NetworkSettings
{
    public DcganSettings() => (LearningRate, Beta1) = (2e-4, 0.5);

    [Setting("pixels of either side of the images: 32, 64 or another power of 2", Min = 8, Max = 1 << 10)]
    public int Size { get; init; } = 32;

    [Setting("numbers of noise an image is made of", Min = 1, Max = 1 << 12)]
    public int Latent { get; init; } = 100;

    [Setting("feature maps beside the images; each layer further in has twice as many", Min = 2, Max = 1 << 10)]
    public int Maps { get; init; } = 32;

    [Setting("steps between pictures of 64 samples; 0: one at the end of each epoch", Min = 0)]
    public int SamplesEvery { get; init; }
}

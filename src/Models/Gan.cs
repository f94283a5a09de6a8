// B batch, Z latent numbers, P pixels
using Granary.Models.Images;
using Granary.Torch;
using Granary.Torch.Data;
using Granary.Torch.Data.Images;
using Granary.Torch.Onnx;
using Granary.Training.Tasks;
using static TorchSharp.torch;

namespace Granary.Models;

/// <summary>
/// A generative adversarial network (Goodfellow et al., 2014), fully connected: a generator makes images out of noise, a
/// discriminator tells them from real ones, and each learns from the other, in a phase of its own.
/// </summary>
[Learner("gan", "a generative adversarial network draws digits; data: MNIST's format, or built-in glyphs", DataSet = "mnist", Data = typeof(ImageData), Epochs = 20)]
public sealed class Gan : Learner<GanSettings>, IPictureGenerator, IOnnxLearner
{
    private const int SampleCount = 64, Examined = 1000;
    private const string RealScore = "score.real", FakeScore = "score.fake", Deceived = "loss.generator", Judged = "loss.discriminator", Accuracy = "accuracy";
    private readonly ImageShape shape;
    private readonly Lazy<ImageData> data;
    private readonly nn.Module<Tensor, Tensor> generator, discriminator;
    private readonly GanJudge judge;

    public Gan(LearnerContext context) : base(context)
    {
        data = new(() => ImageData.Load(Spec.Data));
        shape = context.ForUse ? ImageShape.FromAssets(context.Asset) : data.Value.ShapeFor(Settings.Size);
        judge = new(shape.Colours);
        var (pixels, hidden) = (shape.Values, Settings.Hidden);
        generator = nn.Sequential(
            ("input", nn.Linear(Settings.Latent, hidden)),
            ("relu1", nn.LeakyReLU(0.2)),
            ("hidden", nn.Linear(hidden, hidden)),
            ("relu2", nn.LeakyReLU(0.2)),
            ("output", nn.Linear(hidden, pixels)),
            ("tanh", nn.Tanh()));
        discriminator = nn.Sequential(
            ("input", nn.Linear(pixels, hidden)),
            ("relu1", nn.LeakyReLU(0.2)),
            ("hidden", nn.Linear(hidden, hidden)),
            ("relu2", nn.LeakyReLU(0.2)),
            ("output", nn.Linear(hidden, 1)));
        Networks = [("generator", generator), ("discriminator", discriminator)];
        Phases =
        [
            new LearningPhase<Examples>("discriminator", Settings, [discriminator], () => Shuffled(chosen => data.Value.Train.ToExamples(chosen, shape)), Discriminate) { Sums = [RealScore, FakeScore] },
            new LearningPhase<int[]>("generator", Settings, [generator], () => Shuffled(chosen => chosen), (chosen, pass) => GanJudge.Says(discriminator.call(Fake(chosen.Length, pass)), real: true)),
            new HeldOutPhase<Examples>("validation", HeldOut, Examine) { Sums = [Judged, Deceived, Accuracy, .. judge.Sums], Report = Report },
        ];
    }

    public override IReadOnlyList<(string Name, nn.Module Module)> Networks { get; }

    public override IReadOnlyList<Phase> Phases { get; }

    public override string Unit => "images";

    // Neither player's loss says how good the images are; the generator's at least says how well they deceive.
    public override Measure Measure => new("loss.generator", LowerIsBetter: true);

    public override IReadOnlyDictionary<string, byte[]> Assets => shape.ToAssets();

    public override bool SamplesDue(long step) => (step + 1) % (Settings.SamplesEvery > 0 ? Settings.SamplesEvery : StepsPerEpoch) == 0;

    public override void WriteSamples(string folder, long step) => File.WriteAllBytes(Path.Combine(folder, $"step-{step + 1:D8}.png"), Draw(SampleCount, Spec.Seed));

    public byte[] Draw(int count, ulong seed) => Use(() =>
    {
        using var random = new Generator(seed);
        var noise_BZ = Bring(empty(count, Settings.Latent).normal_(0, 1, random));
        return ImageGrid.Of(generator.call(noise_BZ).view(-1, shape.Colours, shape.Height, shape.Width)).ToPng();
    });

    /// <summary>The generator, whose pixels go from -1, dark, to 1, row by row.</summary>
    public void Describe(OnnxGraph graph) => graph.Output("images", graph.Add(generator, graph.Input("noise", "batch", Settings.Latent)), "batch", shape.Values);

    public override void Dispose()
    {
        judge.Dispose();
        base.Dispose();
    }

    private ShuffledBatches<TBatch> Shuffled<TBatch>(Func<int[], TBatch> make) where TBatch : class =>
        new(data.Value.Train.Count, Settings.Batch, Spec, (chosen, _) => make(chosen)) { MadeAhead = false }; // a copy of some thousand bytes

    private OrderedBatches<Examples> HeldOut() =>
        new(Math.Min(Examined, data.Value.HeldOut.Count), Settings.Batch, Spec, chosen => data.Value.HeldOut.ToExamples(chosen, shape));

    private Tensor Discriminate(Examples real, ShardPass pass)
    {
        Tensor fake_B1 = discriminator.call(Fake(real.Inputs.shape[0], pass)), real_B1 = discriminator.call(real.Inputs.flatten(1));
        pass.Add(RealScore, GanJudge.Score(real_B1));
        pass.Add(FakeScore, GanJudge.Score(fake_B1));
        return GanJudge.Says(fake_B1, real: false) + GanJudge.Says(real_B1, real: true);
    }

    /// <summary>On real images and as many made-up ones: an accuracy of 0.5 means that they look alike to the discriminator, a small distance that they do to another network.</summary>
    private void Examine(Examples real, ShardPass pass)
    {
        var fake_BP = Fake(real.Inputs.shape[0], pass);
        Tensor fake_B1 = discriminator.call(fake_BP), real_B1 = discriminator.call(real.Inputs.flatten(1));
        pass.Add(Judged, GanJudge.Says(real_B1, real: true) + GanJudge.Says(fake_B1, real: false));
        pass.Add(Deceived, GanJudge.Says(fake_B1, real: true));
        pass.Add(Accuracy, (real_B1.gt(0).sum() + fake_B1.le(0).sum()) / 2.0);
        judge.Compare(real.Inputs, fake_BP.view(real.Inputs.shape), pass);
    }

    private void Report(Totals totals, Metrics metrics)
    {
        foreach (var name in (string[])[Judged, Deceived, Accuracy])
        {
            metrics[$"validation.{name}"] = totals.Mean(name);
        }
        judge.Report(totals, metrics);
    }

    private Tensor Fake(long count, ShardPass pass)
    {
        pass.Weight += count;
        return generator.call(pass.Noise(count, Settings.Latent));
    }
}

public sealed record GanSettings : NetworkSettings
{
    // Above 0.5 the players overshoot each other and the images stay coarse.
    public GanSettings() => (Batch, LearningRate, Beta1) = (100, 5e-4, 0.5);

    [Setting("numbers of noise an image is made of", Min = 1, Max = 1 << 12)]
    public int Latent { get; init; } = 64;

    [Setting("hidden units in each of two layers, of either network", Min = 1, Max = 1 << 14)]
    public int Hidden { get; init; } = 256;

    [Setting("pixels of either side of the images; 0: as the data are, or 128 where these have many sizes", Min = 0, Max = 1 << 10)]
    public int Size { get; init; }

    [Setting("steps between pictures of 64 samples; 0: one at the end of each epoch", Min = 0)]
    public int SamplesEvery { get; init; }
}

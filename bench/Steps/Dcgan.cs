// B batch
using Granary.Torch;
using Granary.Torch.Data;
using static TorchSharp.torch;

namespace Granary.Bench.Steps;

/// <summary>
/// A DCGAN (Radford et al., 2016) on 64 random images of 64 x 64 pixels: 100 numbers of noise, 64 feature maps at least. The
/// discriminator sees real and made-up images, then the generator learns from the same; Adam for either.
/// </summary>
[Learner("dcgan", "a DCGAN on one batch of random images")]
internal sealed class Dcgan : Learner<DcganSettings>
{
    private const int Noise = 100, Maps = 64;
    private readonly nn.Module<Tensor, Tensor> artist = Artist(), critic = Critic();

    public Dcgan(LearnerContext context) : base(context)
    {
        Networks = [("artist", artist), ("critic", critic)];
        Phases =
        [
            new LearningPhase<Examples>("critic", Settings, [critic], Images, (real, pass) => Judged(real.Inputs, real: true, pass) + Judged(pass.Prepare("fake", Fake), real: false, pass)),
            new LearningPhase<Examples>("artist", Settings, [artist], Images, (_, pass) => Judged(pass.Prepared("fake", Fake), real: true, pass)),
        ];
    }

    public override IReadOnlyList<(string Name, nn.Module Module)> Networks { get; }

    public override IReadOnlyList<Phase> Phases { get; }

    private FixedBatch Images()
    {
        using var random = new Generator(3);
        return new(new((rand(Settings.Batch, 3, 64, 64, generator: random) * 2 - 1).DetachFromDisposeScope(), zeros(Settings.Batch).DetachFromDisposeScope()), Spec);
    }

    private Tensor Fake(ShardPass pass) => artist.call(pass.Noise(Settings.Batch, Noise, 1, 1));

    private Tensor Judged(Tensor images, bool real, ShardPass pass)
    {
        pass.Weight = images.shape[0];
        var logits_B = critic.call(images).view(-1).to(float32);
        return nn.functional.binary_cross_entropy_with_logits(logits_B, full(logits_B.shape, real ? 1f : 0), reduction: nn.Reduction.Sum);
    }

    private static nn.Module<Tensor, Tensor> Artist()
    {
        var layers = new List<nn.Module<Tensor, Tensor>> { nn.ConvTranspose2d(Noise, 8 * Maps, 4, 1, 0, bias: false) };
        for (var channels = 8 * Maps; channels > Maps; channels /= 2)
        {
            layers.AddRange([nn.BatchNorm2d(channels), nn.ReLU(inplace: true), nn.ConvTranspose2d(channels, channels / 2, 4, 2, 1, bias: false)]);
        }
        return nn.Sequential([.. layers, nn.BatchNorm2d(Maps), nn.ReLU(inplace: true), nn.ConvTranspose2d(Maps, 3, 4, 2, 1, bias: false), nn.Tanh()]);
    }

    private static nn.Module<Tensor, Tensor> Critic()
    {
        var layers = new List<nn.Module<Tensor, Tensor>> { nn.Conv2d(3, Maps, 4, 2, 1, bias: false), nn.LeakyReLU(0.2, inplace: true) };
        for (var channels = Maps; channels < 8 * Maps; channels *= 2)
        {
            layers.AddRange([nn.Conv2d(channels, 2 * channels, 4, 2, 1, bias: false), nn.BatchNorm2d(2 * channels), nn.LeakyReLU(0.2, inplace: true)]);
        }
        return nn.Sequential([.. layers, nn.Conv2d(8 * Maps, 1, 4, 1, 0, bias: false)]);
    }
}

internal sealed record DcganSettings : NetworkSettings
{
    public DcganSettings() => (LearningRate, Beta1) = (2e-4, 0.5);
}

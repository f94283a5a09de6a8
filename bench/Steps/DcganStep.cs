// B batch
using Granary.Torch;
using Granary.Training.Frames;
using Granary.Training.Optimization;
using TorchSharp;
using static TorchSharp.torch;

namespace Granary.Bench.Steps;

/// <summary>
/// A DCGAN (Radford et al., 2016) on 64 random images of 64 x 64 pixels: 100 numbers of noise, 64 feature maps at least. The
/// discriminator sees real and made-up images, then the generator learns from the same; Adam for either.
/// </summary>
internal sealed class DcganStep : IDisposable
{
    private const int Batch = 64, Noise = 100, Maps = 64;
    private readonly bool rounded;
    private readonly Player artist = new(Artist(), seed: 1), critic = new(Critic(), seed: 2);
    private readonly Generator random = new(3);
    private readonly Tensor real, ones = torch.ones(Batch), zeros = torch.zeros(Batch);
    private long update;

    public DcganStep(bool rounded)
    {
        this.rounded = rounded;
        real = rand(Batch, 3, 64, 64, generator: random) * 2 - 1;
    }

    public void Run()
    {
        using var scope = NewDisposeScope();
        update++;
        critic.WantGradients(true);
        critic.Frame.Clear();
        Judged(real, ones).backward();
        var fake = Rounded(artist, empty(Batch, Noise, 1, 1).normal_(0, 1, random));
        Judged(fake.detach(), zeros).backward();
        critic.Update(update);
        critic.WantGradients(false);
        artist.Frame.Clear();
        Judged(fake, ones).backward();
        artist.Update(update);
    }

    public void Dispose()
    {
        artist.Dispose();
        critic.Dispose();
        random.Dispose();
        real.Dispose();
        ones.Dispose();
        zeros.Dispose();
    }

    private Tensor Judged(Tensor images, Tensor truth_B) =>
        nn.functional.binary_cross_entropy_with_logits(Rounded(critic, images).view(-1), truth_B, reduction: nn.Reduction.Sum);

    private Tensor Rounded(Player player, Tensor input)
    {
        using var autocast = Autocast.Begin(rounded);
        return player.Network.call(input).to(float32);
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

    private sealed unsafe class Player : IDisposable
    {
        private readonly FlatParameters parameters;
        private readonly IOptimizer optimizer;

        public Player(nn.Module<Tensor, Tensor> network, ulong seed)
        {
            Network = network;
            Initialization.Default(network, seed);
            parameters = new(network);
            optimizer = new OptimizerChoice(OptimizerChoice.Adam, Beta1: 0.5).Create(parameters.Length);
            Frame = parameters.CreateFrame(carried: 0, scalars: 1);
            parameters.Bind(Frame);
        }

        public nn.Module<Tensor, Tensor> Network { get; }

        public Frame Frame { get; }

        public void Update(long update)
        {
            var (_, scale) = GradientNorm.Clip(Frame.Pointer, parameters.Length, Batch, double.PositiveInfinity, "dcgan", update);
            optimizer.Update(parameters.Values, Frame.Pointer, update, 2e-4f, scale);
        }

        public void WantGradients(bool wanted)
        {
            foreach (var parameter in Network.parameters())
            {
                parameter.requires_grad = wanted;
            }
        }

        public void Dispose()
        {
            Frame.Dispose();
            parameters.Dispose();
            optimizer.Dispose();
            Network.Dispose();
        }
    }
}

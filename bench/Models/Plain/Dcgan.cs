// B batch, C channels, X Y places
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Granary.Bench.Models.Plain;

/// <summary>An artist and a critic, each with an optimizer of its own.</summary>
internal static class Dcgan
{
    private const int Width = 32, Batch = 64;

    public static Action Create()
    {
        var artist = Sequential([ConvTranspose2d(100, 4 * Width, 4, bias: false), .. Up(4 * Width, 2 * Width), .. Up(2 * Width, Width), .. Up(Width, 1), Tanh()]);
        var critic = Sequential(
        [
            Conv2d(1, Width, 4, 2, 1, bias: false), LeakyReLU(0.2, true), .. Down(Width, 2 * Width), .. Down(2 * Width, 4 * Width), Conv2d(4 * Width, 1, 4, bias: false), Flatten(0),
        ]);
        var (criticOptimizer, artistOptimizer) = (optim.Adam(critic.parameters(), 2e-4, 0.5, 0.999), optim.Adam(artist.parameters(), 2e-4, 0.5, 0.999));
        var real_BCXY = rand(Batch, 1, 32, 32) * 2 - 1;
        Tensor ones_B = ones(Batch), nothing_B = zeros(Batch);
        return () =>
        {
            using var scope = NewDisposeScope();
            var fake_BCXY = artist.call(randn(Batch, 100, 1, 1));
            criticOptimizer.zero_grad();
            (Judged(critic.call(real_BCXY), ones_B) + Judged(critic.call(fake_BCXY.detach()), nothing_B)).backward();
            criticOptimizer.step();
            artistOptimizer.zero_grad();
            var loss = Judged(critic.call(fake_BCXY), ones_B);
            loss.backward();
            artistOptimizer.step();
            loss.item<float>();
        };
    }

    private static Module<Tensor, Tensor>[] Up(int before, int after) => [BatchNorm2d(before), ReLU(true), ConvTranspose2d(before, after, 4, 2, 1, bias: false)];

    private static Module<Tensor, Tensor>[] Down(int before, int after) => [Conv2d(before, after, 4, 2, 1, bias: false), BatchNorm2d(after), LeakyReLU(0.2, true)];

    private static Tensor Judged(Tensor scores_B, Tensor truth_B) => functional.binary_cross_entropy_with_logits(scores_B, truth_B);
}

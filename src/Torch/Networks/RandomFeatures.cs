// B batch, K feature maps, H height, W width, F features
using Granary.Torch.Runtime;
using Granary.Training.Randomness;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Granary.Torch.Networks;

/// <summary>
/// What a convolutional network with fixed random weights sees in images: edges, spots and textures, whatever the images show. Enough
/// to tell how unlike two sets of images are, and the same everywhere without a trained network. Networks may differ in how well they do; compare
/// distances by these features with each other alone. They are computed on the processor, wherever the images are.
/// </summary>
public sealed class RandomFeatures : IDisposable
{
    /// <summary>Features of an image.</summary>
    public const int Count = 32;

    private const ulong Seed = 1;
    private readonly Conv2d[] layers;

    /// <param name="colours">Of the images.</param>
    public RandomFeatures(int colours)
    {
        layers = [nn.Conv2d(colours, Count / 2, 3, stride: 2, padding: 1), nn.Conv2d(Count / 2, Count, 3, stride: 2, padding: 1), nn.Conv2d(Count, Count, 3, stride: 2, padding: 1)];
        var random = new StepRandom(Seed);
        foreach (var layer in layers)
        {
            TorchRuntime.DoNotCount(FlatParameters.GhostsOf(layer));
            Initialization.Normal(layer.weight!, 0, Math.Sqrt(2.0 / (layer.weight!.shape[1] * layer.weight.shape[2] * layer.weight.shape[3])), ref random);
            Initialization.Normal(layer.bias!, 0, 0.1, ref random);
        }
    }

    /// <param name="images_BKHW">From -1 to 1.</param>
    /// <returns>B x F: the mean of each map of the last layer.</returns>
    public Tensor Of(Tensor images_BKHW)
    {
        using var gradients = no_grad();
        var maps_BKHW = images_BKHW.cpu();
        foreach (var layer in layers)
        {
            maps_BKHW = layer.call(maps_BKHW).relu();
        }
        return maps_BKHW.mean([2, 3]);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var layer in layers)
        {
            layer.Dispose();
        }
    }
}

// B batch, K feature maps, H height, W width
using Granary.Torch.Networks;
using Granary.Torch.Operations;
using Granary.Training.Randomness;
using Granary.Training.Tasks;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Granary.Models.Images;

/// <summary>
/// The convolutions of VGG-19 (Simonyan and Zisserman, 2015) with torchvision's names, for weights that were trained elsewhere; or of a small network
/// of the same kind, which even with random weights tells textures apart. Pooling takes means, as Gatys et al. recommend for pictures.
/// </summary>
internal sealed class VggNetwork : nn.Module<Tensor, Tensor>, IImageBody
{
    private const int Pool = 0;
    private static readonly int[] large = [64, 64, Pool, 128, 128, Pool, 256, 256, 256, 256, Pool, 512, 512, 512, 512, Pool, 512], small = [32, 32, Pool, 64, 64, Pool, 128, 128, 128, Pool, 128];

    // Mean and deviation of ImageNet's red, green and blue.
    private static readonly float[] mean = [0.485f, 0.456f, 0.406f], deviation = [0.229f, 0.224f, 0.225f];
    private readonly Sequential features = nn.Sequential();

    public VggNetwork(bool isLarge) : base("vgg")
    {
        var from = 3;
        foreach (var maps in isLarge ? large : small)
        {
            if (maps == Pool)
            {
                features.append($"{features.Count}", nn.AvgPool2d(2));
                continue;
            }
            features.append($"{features.Count}", nn.Conv2d(from, maps, 3, padding: 1));
            features.append($"{features.Count}", nn.ReLU(inplace: true));
            from = maps;
        }
        RegisterComponents();
    }

    public Linear Head => throw new TaskSettingException("The network vgg has no last layer here.");

    public override Tensor forward(Tensor images_BKHW) => Maps(images_BKHW)[^1];

    /// <summary>What the first convolution of each stage gives.</summary>
    public Tensor[] Maps(Tensor images_BKHW)
    {
        var (maps, isFirst) = (new List<Tensor>(), true);
        using var layers = features.children().GetEnumerator();
        var maps_BKHW = ChannelsLast.Of(((images_BKHW + 1) / 2 - tensor(mean, device: images_BKHW.device).view(1, 3, 1, 1)) / tensor(deviation, device: images_BKHW.device).view(1, 3, 1, 1));
        while (layers.MoveNext())
        {
            maps_BKHW = layers.Current is Conv2d convolution ? LaidConvolution.Of(convolution, maps_BKHW) : ((nn.Module<Tensor, Tensor>)layers.Current).call(maps_BKHW);
            if (layers.Current is ReLU && isFirst)
            {
                maps.Add(maps_BKHW);
            }
            isFirst = layers.Current is not ReLU && (isFirst || layers.Current is AvgPool2d);
        }
        return [.. maps];
    }

    public void Initialize(ulong seed)
    {
        var random = new StepRandom(seed, ulong.MaxValue);
        foreach (var convolution in features.children().OfType<Conv2d>())
        {
            Initialization.Normal(convolution.weight!, 0, Math.Sqrt(2.0 / (9 * convolution.weight!.shape[1])), ref random);
            Initialization.Uniform(convolution.bias!, 0, ref random);
        }
    }
}

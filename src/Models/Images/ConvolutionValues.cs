using Granary.Torch.Networks;
using Granary.Training.Randomness;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Granary.Models.Images;

/// <summary>Initial values of convolutions that ReLUs follow (He et al., 2015).</summary>
internal static class ConvolutionValues
{
    /// <summary>Normally distributed, by the number of maps and places that each convolution gives its values to.</summary>
    public static void ByMaps(nn.Module network, ulong seed)
    {
        var random = new StepRandom(seed, ulong.MaxValue);
        foreach (var convolution in network.modules().OfType<Conv2d>())
        {
            var weight = convolution.weight!;
            Initialization.Normal(weight, 0, Math.Sqrt(2.0 / (weight.shape[0] * weight.shape[2] * weight.shape[3])), ref random);
        }
    }
}

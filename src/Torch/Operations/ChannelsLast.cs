// B images, K channels, H height, W width
using Granary.Torch.Runtime;
using static TorchSharp.torch;

namespace Granary.Torch.Operations;

/// <summary>
/// Images whose channels lie side by side in memory, for the CPU's convolutions and for sums by channel. Shapes and results are those of any other
/// image; convolutions hand the layout on.
/// </summary>
internal static class ChannelsLast
{
    /// <summary>Whether an image's channels lie side by side, and nothing between.</summary>
    public static bool Holds(Tensor x_BKHW)
    {
        using var x_BHWK = x_BKHW.permute(0, 2, 3, 1);
        return x_BHWK.is_contiguous();
    }

    /// <summary>The same values in this layout.</summary>
    // With one channel or one place both layouts are one; libtorch then goes by the strides.
    public static Tensor Of(Tensor x_BKHW) => Holds(x_BKHW) && x_BKHW.stride(1) == 1 ? x_BKHW : Empty(x_BKHW.shape).copy_(x_BKHW);

    /// <summary>Where such an image lies: its rows of channels one behind the other.</summary>
    public static unsafe float* Floats(Tensor x_BKHW)
    {
        using var x_BHWK = x_BKHW.permute(0, 2, 3, 1);
        return x_BHWK.Floats();
    }

    /// <summary>No view of another tensor, so that whoever gets it may change it in place.</summary>
    public static Tensor Empty(IReadOnlyList<long> shape_BKHW)
    {
        var (channels, height, width) = (shape_BKHW[1], shape_BKHW[2], shape_BKHW[3]);
        return empty_strided([.. shape_BKHW], [height * width * channels, 1, width * channels, channels]);
    }
}

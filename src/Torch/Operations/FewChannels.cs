// B images, C few channels, O maps, N = B x places of the kernel, R floats under the kernel
using Granary.Torch.Operations.Products;
using Granary.Torch.Runtime;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Granary.Torch.Operations;

/// <summary>
/// The way from maps to images of few channels, such as pictures: back through a convolution, forth through a transposed one. A product, and a sum of patches;
/// oneDNN, which counts on many channels, takes ten times as long.
/// </summary>
internal static unsafe class FewChannels
{
    // Beyond these oneDNN is faster.
    private const int MostChannels = 4, MostColumns = 64;

    /// <summary>Whether images of so many channels are few enough for a module, and its kernel an ordinary one.</summary>
    public static bool AreFew(Convolution module, long channels) => channels <= MostChannels && module.groups == 1 && module.dilation.All(places => places == 1)
        && module.kernel_size is [var height, var width] && height == width && channels * height * width <= MostColumns
        && module.stride is [var down, var across] && down == across && module.padding is [var above, var beside] && above == beside;

    /// <param name="shape_BCHW">Of the images.</param>
    public static Patches PatchesOf(Convolution module, IReadOnlyList<long> shape_BCHW) =>
        new((int)shape_BCHW[0], (int)shape_BCHW[2], (int)shape_BCHW[3], (int)shape_BCHW[1], (int)module.kernel_size[0], (int)module.stride[0], (int)module.padding![0]);

    /// <summary>The weight as a factor, O x R.</summary>
    public static Tensor Laid(Parameter weight_OCKK)
    {
        using var weight_OKKC = weight_OCKK.detach().permute(0, 2, 3, 1);
        return weight_OKKC.reshape(weight_OKKC.size(0), -1).contiguous();
    }

    /// <param name="maps_BOHW">Their channels lie side by side.</param>
    /// <returns>The same of images.</returns>
    public static Tensor Images(Tensor maps_BOHW, Tensor weight_OR, Patches patches)
    {
        using var rows_NR = empty(patches.Rows, patches.Columns);
        MatrixProduct.Multiply(RowsOf(maps_BOHW), Matrix.Of(weight_OR), Matrix.Of(rows_NR));
        var images_BCHW = ChannelsLast.Empty([patches.Images, patches.Channels, patches.Height, patches.Width]);
        patches.Fold(rows_NR.Floats(), ChannelsLast.Floats(images_BCHW));
        return images_BCHW;
    }

    /// <summary>Maps as a matrix, N x O.</summary>
    public static Matrix RowsOf(Tensor maps_BOHW)
    {
        using var maps_BHWO = maps_BOHW.permute(0, 2, 3, 1);
        return Matrix.Of(maps_BHWO);
    }
}

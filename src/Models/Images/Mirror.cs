// B batch, K channels, H height, W width
using Granary.Torch.Devices;
using Granary.Torch.Onnx;
using static TorchSharp.torch;

namespace Granary.Models.Images;

/// <summary>Enlarges images on each side by what lies there, mirrored at the edge. On a device by slices: libtorch's own has a gradient there that is not the same every time.</summary>
/// <param name="width">Pixels on each side, fewer than the images have.</param>
internal sealed class Mirror(int width) : nn.Module<Tensor, Tensor>("mirror"), IOnnxModule
{
    public override Tensor forward(Tensor x_BKHW) => ReplicaDevice.Current.IsHost
        ? nn.functional.pad(x_BKHW, [width, width, width, width], TorchSharp.PaddingModes.Reflect)
        : Enlarged(Enlarged(x_BKHW, 2), 3);

    public OnnxValue Describe(OnnxGraph graph, OnnxValue input) => graph.Pad(input, "reflect", width, width, width, width);

    private Tensor Enlarged(Tensor x, int dimension)
    {
        var length = x.size(dimension);
        return cat([x.narrow(dimension, 1, width).flip(dimension), x, x.narrow(dimension, length - 1 - width, width).flip(dimension)], dimension);
    }
}

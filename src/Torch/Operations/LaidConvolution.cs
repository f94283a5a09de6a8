using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Granary.Torch.Operations;

/// <summary>A convolution of images whose channels lie side by side, with a weight that stands still.</summary>
internal static class LaidConvolution
{
    /// <summary>The module's output. A weight that stands still is laid out once, for backward, too; libtorch would do it in both directions.</summary>
    public static Tensor Of(Conv2d module, Tensor x_BKHW) =>
        !module.weight!.requires_grad && ChannelsLast.Holds(x_BKHW) && module.groups == 1 && module.dilation.All(places => places == 1)
            ? nn.functional.conv2d(x_BKHW, ChannelsLast.Of(module.weight!), module.bias, module.stride, module.padding!)
            : module.call(x_BKHW);
}

using System.Runtime.Intrinsics;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Granary.Torch.Operations;

/// <summary>
/// Convolutions of images whose channels lie side by side, as whatever is fastest: libtorch's; a plain product, where the kernel has one place only; and for images of
/// few channels a part by hand.
/// </summary>
internal static class LaidConvolution
{
    /// <summary>The module's output. A weight that stands still is laid out once, for backward, too; libtorch would do it in both directions.</summary>
    public static Tensor Of(Conv2d module, Tensor x_BKHW)
    {
        if (IsPlain(module) && HandGradient.Takes(x_BKHW) && module.kernel_size[0] == x_BKHW.size(2) && module.kernel_size[1] == x_BKHW.size(3) && IsUnpadded(module))
        {
            return nn.functional.linear(ChannelsLast.Of(x_BKHW).permute(0, 2, 3, 1).flatten(1), module.weight!.permute(0, 2, 3, 1).flatten(1), module.bias).unsqueeze(2).unsqueeze(3);
        }
        if (IsThin(module) && ChannelsLast.Holds(x_BKHW))
        {
            var chosen_BKHW = x_BKHW.slice(2, 0, x_BKHW.size(2), module.stride[0]).slice(3, 0, x_BKHW.size(3), module.stride[1]);
            return nn.functional.conv2d(ChannelsLast.Of(chosen_BKHW), module.weight!, module.bias);
        }
        return ImageGradient.Of(module, x_BKHW, !module.weight!.requires_grad && ChannelsLast.Holds(x_BKHW) && IsPlain(module)
            ? images_BKHW => nn.functional.conv2d(images_BKHW, ChannelsLast.Of(module.weight!), module.bias, module.stride, module.padding!)
            : images_BKHW => module.call(images_BKHW));
    }

    /// <inheritdoc cref="Of(Conv2d, Tensor)"/>
    public static Tensor Of(ConvTranspose2d module, Tensor x_BKHW)
    {
        if (TransposedConvolution.IsFor(module, x_BKHW))
        {
            return TransposedConvolution.Of(module, x_BKHW);
        }
        return IsPlain(module) && HandGradient.Takes(x_BKHW) && x_BKHW.size(2) == 1 && x_BKHW.size(3) == 1 && IsUnpadded(module) && module.bias is null && module.output_padding.All(places => places == 0)
            ? ChannelsLast.Of(x_BKHW.flatten(1).matmul(module.weight!.flatten(1)).view(x_BKHW.size(0), module.out_channels, module.kernel_size[0], module.kernel_size[1]))
            : module.call(x_BKHW);
    }

    /// <summary>
    /// Whether the kernel is one place, which goes over some of the places of a few channels. On processors with AVX2 and without AVX-512 the oneDNN of libtorch 2.10 then writes
    /// beyond the end of the weight's gradient. Where the places have been chosen before, it does not.
    /// </summary>
    private static bool IsThin(Conv2d module) => IsPlain(module) && IsUnpadded(module) && module.kernel_size.All(places => places == 1) && module.stride.Any(places => places > 1) && module.in_channels < Vector256<float>.Count;

    private static bool IsPlain(Convolution module) => module.groups == 1 && module.dilation.All(places => places == 1);

    private static bool IsUnpadded(Convolution module) => module.padding is { } padding && padding.All(places => places == 0);
}

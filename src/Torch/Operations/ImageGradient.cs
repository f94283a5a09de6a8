// B images, C few channels, O maps
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Granary.Torch.Operations;

/// <summary>What a convolution hands back to images of few channels; all else of it is libtorch's.</summary>
internal sealed class ImageGradient : HandGradient
{
    private readonly Conv2d module;
    private readonly Tensor maps_BOHW;
    private readonly Patches patches;

    private ImageGradient(Conv2d module, Tensor images_BCHW, Tensor maps_BOHW) =>
        (this.module, this.maps_BOHW, patches) = (module, maps_BOHW, FewChannels.PatchesOf(module, images_BCHW.shape));

    /// <param name="convolve">The convolution.</param>
    public static Tensor Of(Conv2d module, Tensor images_BCHW, Func<Tensor, Tensor> convolve) =>
        images_BCHW.requires_grad && is_grad_enabled() && Takes(images_BCHW) && FewChannels.AreFew(module, images_BCHW.size(1))
            ? OnTop(module, images_BCHW, convolve(images_BCHW.detach()))
            : convolve(images_BCHW);

    protected override Tensor Forward() => maps_BOHW.clone();

    protected override Tensor Laid(Tensor gradient) => ChannelsLast.Of(gradient);

    protected override IReadOnlyList<Tensor?> Backward(Tensor gradient_BOHW)
    {
        using var weight_OR = FewChannels.Laid(module.weight!);
        return [FewChannels.Images(gradient_BOHW, weight_OR, patches), gradient_BOHW];
    }

    /// <summary>The maps, whose gradient goes two ways: to the images by hand, and on to what has made the maps.</summary>
    private static Tensor OnTop(Conv2d module, Tensor images_BCHW, Tensor maps_BOHW) => new ImageGradient(module, images_BCHW, maps_BOHW).Apply([images_BCHW, maps_BOHW]);
}

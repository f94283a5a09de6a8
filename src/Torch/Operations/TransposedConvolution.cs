// B images, O maps, C few channels, N = B x places of the kernel, R floats under the kernel
using Granary.Torch.Operations.Products;
using Granary.Torch.Runtime;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Granary.Torch.Operations;

/// <summary>A transposed convolution from maps to images of few channels.</summary>
internal sealed unsafe class TransposedConvolution : HandGradient
{
    private readonly ConvTranspose2d module;
    private readonly Tensor maps_BOHW;
    private readonly Patches patches;
    private Tensor? weight_OR;

    private TransposedConvolution(ConvTranspose2d module, Tensor maps_BOHW)
    {
        (this.module, this.maps_BOHW) = (module, ChannelsLast.Of(maps_BOHW));
        long Side(int dimension) => (maps_BOHW.size(dimension) - 1) * module.stride[0] - 2 * module.padding![0] + module.kernel_size[0];
        patches = FewChannels.PatchesOf(module, [maps_BOHW.size(0), module.out_channels, Side(2), Side(3)]);
    }

    /// <summary>Whether it is one that this is for.</summary>
    public static bool IsFor(ConvTranspose2d module, Tensor maps_BOHW) =>
        Takes(maps_BOHW) && module.bias is null && module.output_padding.All(places => places == 0) && FewChannels.AreFew(module, module.out_channels);

    public static Tensor Of(ConvTranspose2d module, Tensor maps_BOHW) => new TransposedConvolution(module, maps_BOHW).Apply([maps_BOHW], module.weight);

    protected override Tensor Forward()
    {
        weight_OR = FewChannels.Laid(module.weight!);
        return FewChannels.Images(maps_BOHW, weight_OR, patches);
    }

    protected override Tensor Laid(Tensor gradient) => ChannelsLast.Of(gradient);

    protected override IReadOnlyList<Tensor?> Backward(Tensor gradient_BCHW)
    {
        using var rows_NR = empty(patches.Rows, patches.Columns);
        patches.Unfold(ChannelsLast.Floats(gradient_BCHW), rows_NR.Floats());
        if (module.weight!.requires_grad)
        {
            using var learned_OR = empty_like(weight_OR!);
            MatrixProduct.Multiply(FewChannels.RowsOf(maps_BOHW).Transposed, Matrix.Of(rows_NR), Matrix.Of(learned_OR));
            using var learned_OKKC = learned_OR.view(learned_OR.size(0), patches.Kernel, patches.Kernel, patches.Channels);
            using var learned_OCKK = learned_OKKC.permute(0, 3, 1, 2);
            GradientTensor(module.weight).add_(learned_OCKK);
        }
        var input_BOHW = ChannelsLast.Empty(maps_BOHW.shape);
        MatrixProduct.Multiply(Matrix.Of(rows_NR), Matrix.Of(weight_OR!).Transposed, FewChannels.RowsOf(input_BOHW));
        return [input_BOHW];
    }
}

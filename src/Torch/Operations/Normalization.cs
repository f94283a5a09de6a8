// C channels
using Granary.Torch.Runtime;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Granary.Torch.Operations;

/// <summary>A layer normalization by itself.</summary>
internal sealed unsafe class Normalization : HandGradient
{
    private readonly Tensor x;
    private readonly LayerNorm norm;
    private readonly int rows, channels;
    private Tensor? moments_R2;

    private Normalization(LayerNorm norm, Tensor x)
    {
        (this.norm, this.x, channels) = (norm, x.contiguous(), (int)x.size(-1));
        rows = (int)(x.numel() / channels);
    }

    /// <param name="x">Its last dimension is that of the channels.</param>
    public static Tensor Of(LayerNorm norm, Tensor x) => Takes(x) ? new Normalization(norm, x).Apply([x], norm.weight, norm.bias) : norm.call(x);

    protected override Tensor Forward()
    {
        moments_R2 = empty(rows, 2);
        var normal = empty_like(x);
        LayerNormRows.Forward(x.Floats(), norm.weight!.Floats(), norm.bias!.Floats(), norm.eps, rows, channels, normal.Floats(), moments_R2.Floats());
        return normal;
    }

    protected override IReadOnlyList<Tensor?> Backward(Tensor gradient)
    {
        var input = zeros_like(x);
        LayerNormRows.Backward(gradient.Floats(), x.Floats(), norm.weight!.Floats(), moments_R2!.Floats(), rows, channels, input.Floats(), GradientFloats(norm.weight), GradientFloats(norm.bias!));
        return [input];
    }
}

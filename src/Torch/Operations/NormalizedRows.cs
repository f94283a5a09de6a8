// R rows, C channels
using Granary.Torch.Runtime;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Granary.Torch.Operations;

/// <summary>The rows of a tensor as a layer normalization leaves them, and what its gradient wants of them.</summary>
internal sealed unsafe class NormalizedRows
{
    private readonly LayerNorm norm;
    private readonly Tensor x, moments_R2;
    private readonly int rows, channels;

    /// <param name="x">Contiguous; its last dimension is that of the channels.</param>
    public NormalizedRows(LayerNorm norm, Tensor x)
    {
        (this.norm, this.x, channels) = (norm, x, (int)x.size(-1));
        rows = (int)(x.numel() / channels);
        (moments_R2, Values_RC) = (empty(rows, 2), empty(rows, channels));
        LayerNormRows.Forward(x.Floats(), norm.weight!.Floats(), norm.bias!.Floats(), norm.eps, rows, channels, Values_RC.Floats(), moments_R2.Floats());
    }

    public Tensor Values_RC { get; }

    /// <summary>Adds the input's gradient to <paramref name="input"/>, and the parameters' to theirs.</summary>
    /// <param name="gradient">The values'.</param>
    public void Backward(Tensor gradient, Tensor input) => LayerNormRows.Backward(
        gradient.Floats(), x.Floats(), norm.weight!.Floats(), moments_R2.Floats(), rows, channels, input.Floats(), HandGradient.GradientFloats(norm.weight), HandGradient.GradientFloats(norm.bias!));
}

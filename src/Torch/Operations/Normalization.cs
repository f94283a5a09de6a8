// C channels
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Granary.Torch.Operations;

/// <summary>A layer normalization by itself.</summary>
internal sealed class Normalization : HandGradient
{
    private readonly Tensor x;
    private readonly LayerNorm norm;
    private NormalizedRows? normal;

    private Normalization(LayerNorm norm, Tensor x) => (this.norm, this.x) = (norm, x.contiguous());

    /// <param name="x">Its last dimension is that of the channels.</param>
    public static Tensor Of(LayerNorm norm, Tensor x) => Takes(x) ? new Normalization(norm, x).Apply([x], norm.weight, norm.bias) : norm.call(x);

    protected override Tensor Forward()
    {
        normal = new(norm, x);
        return normal.Values_RC.view(x.shape);
    }

    protected override IReadOnlyList<Tensor?> Backward(Tensor gradient)
    {
        var input = zeros_like(x);
        normal!.Backward(gradient, input);
        return [input];
    }
}

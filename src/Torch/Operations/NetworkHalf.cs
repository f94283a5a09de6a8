// B texts, T time, N = B T tokens, C channels, W = 4 C
using Granary.Torch.Runtime;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Granary.Torch.Operations;

/// <summary>The second half of a transformer's layer: normalization, two layers with GELU between them, and the sum with what came in.</summary>
internal sealed unsafe class NetworkHalf : HandGradient
{
    private readonly Tensor x_BTC;
    private readonly LayerNorm norm;
    private readonly Dense widen, narrow;
    private readonly Tensor? kept_NC;
    private readonly int tokens, channels, wide;
    private NormalizedRows? normal;
    private Tensor? slopes_NW, active_NW;

    private NetworkHalf(Tensor x_BTC, LayerNorm norm, Dense widen, Dense narrow, Dropout? dropout)
    {
        (this.x_BTC, this.norm, this.widen, this.narrow) = (x_BTC.contiguous(), norm, widen, narrow);
        (tokens, channels, wide) = ((int)(x_BTC.size(0) * x_BTC.size(1)), (int)x_BTC.size(2), widen.Outputs);
        kept_NC = Kept(dropout, tokens, channels);
    }

    public static Tensor Of(Tensor x_BTC, LayerNorm norm, Dense widen, Dense narrow, Dropout? dropout) =>
        new NetworkHalf(x_BTC, norm, widen, narrow, dropout).Apply([x_BTC], norm.weight, norm.bias, widen.Weight, widen.Bias_O, narrow.Weight, narrow.Bias_O);

    protected override Tensor Forward()
    {
        normal = new(norm, x_BTC);
        slopes_NW = widen.Forward(normal.Values_RC);
        active_NW = empty(tokens, wide);
        GeluRows.Forward(slopes_NW.Floats(), active_NW.Floats(), slopes_NW.numel());
        return Sum(x_BTC, narrow.Forward(active_NW), kept_NC);
    }

    protected override IReadOnlyList<Tensor?> Backward(Tensor gradient)
    {
        using var gradient_NC = Dropped(gradient.view(tokens, channels), kept_NC);
        narrow.AddBiasGradient(gradient_NC);
        using var wideGradient_NW = narrow.Backward(gradient_NC, active_NW!);
        GeluRows.Backward(slopes_NW!.Floats(), tokens, wide, wideGradient_NW.Floats(), GradientFloats(widen.Bias_O));
        using var normalGradient_NC = widen.Backward(wideGradient_NW, normal!.Values_RC);
        var input_BTC = gradient.clone();
        normal!.Backward(normalGradient_NC, input_BTC);
        return [input_BTC];
    }
}

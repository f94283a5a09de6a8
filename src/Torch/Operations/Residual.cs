// R rows, C channels
using Granary.Torch.Runtime;
using Granary.Training.Numerics;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Granary.Torch.Operations;

/// <summary>The end of a residual block: a bias, dropout, and the sum with what came in.</summary>
internal static unsafe class Residual
{
    /// <summary>In place: x + (y + bias) kept.</summary>
    /// <param name="kept_RC">What dropout multiplies by; <see langword="null"/>: there is none.</param>
    public static Tensor Add(Tensor x, Tensor y_RC, Parameter bias_C, Tensor? kept_RC)
    {
        var (rows, channels) = ((int)y_RC.size(0), (int)y_RC.size(1));
        float* from = x.Floats(), into = y_RC.Floats(), bias = bias_C.Floats();
        for (var row = 0; row < rows; row++, from += channels, into += channels)
        {
            VectorMath.Add(into, bias, into, channels);
            if (kept_RC is null)
            {
                VectorMath.Add(from, into, into, channels);
            }
        }
        return kept_RC is null ? y_RC : y_RC.mul_(kept_RC).add_(x.view(y_RC.shape));
    }

    /// <summary>The gradient of y, which is added to the bias's; that of x is the output's.</summary>
    public static Tensor Backward(Tensor gradient_RC, Parameter bias_C, Tensor? kept_RC)
    {
        var y_RC = kept_RC is null ? gradient_RC.alias() : gradient_RC * kept_RC;
        var (rows, channels) = ((int)y_RC.size(0), (int)y_RC.size(1));
        float* from = y_RC.Floats(), into = HandGradient.GradientFloats(bias_C);
        for (var row = 0; into != null && row < rows; row++, from += channels)
        {
            VectorMath.Add(into, from, into, channels);
        }
        return y_RC;
    }
}

// R rows, C channels
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Granary.Torch.Operations;

/// <summary>
/// GPT-2's approximation of GELU (Hendrycks and Gimpel, 2016), by way of the logistic function: 0.5 x (1 + tanh(u)) is x times the logistic
/// function of 2u.
/// </summary>
internal static unsafe class GeluRows
{
    // 2 sqrt(2 / pi), and the same times 0.044715.
    private const float Linear = 1.5957691216f, Cubic = 0.0713548162726f;

    /// <summary>Adds the bias to <paramref name="values_RC"/>, which keep it, and puts what becomes of them into <paramref name="into_RC"/>.</summary>
    public static void Forward(float* values_RC, float* bias_C, int rows, int channels, float* into_RC)
    {
        var whole = Lanes.Whole(channels);
        for (var row = 0; row < rows; row++, values_RC += channels, into_RC += channels)
        {
            for (var i = 0; i < whole; i += Lanes.Count)
            {
                Activate(values_RC + i, bias_C + i, into_RC + i, Lanes.Count);
            }
            if (whole < channels)
            {
                Activate(values_RC + whole, bias_C + whole, into_RC + whole, channels - whole);
            }
        }
    }

    /// <summary>The output's gradient becomes the input's, which is added to the bias's, too, if that is not null.</summary>
    public static void Backward(float* values_RC, int rows, int channels, float* gradient_RC, float* biasGradient_C)
    {
        var whole = Lanes.Whole(channels);
        for (var row = 0; row < rows; row++, values_RC += channels, gradient_RC += channels)
        {
            for (var i = 0; i < whole; i += Lanes.Count)
            {
                Return(values_RC + i, gradient_RC + i, biasGradient_C == null ? null : biasGradient_C + i, Lanes.Count);
            }
            if (whole < channels)
            {
                Return(values_RC + whole, gradient_RC + whole, biasGradient_C == null ? null : biasGradient_C + whole, channels - whole);
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Activate(float* values, float* bias, float* into, int count)
    {
        var x = Lanes.Load(values, count) + Lanes.Load(bias, count);
        Lanes.Store(x, values, count);
        Lanes.Store(x * Squash.Sigmoid(x * Vector512.FusedMultiplyAdd(x * x, Vector512.Create(Cubic), Vector512.Create(Linear))), into, count);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Return(float* values, float* gradients, float* biasGradient, int count)
    {
        var x = Lanes.Load(values, count);
        var square = x * x;
        var logistic = Squash.Sigmoid(x * Vector512.FusedMultiplyAdd(square, Vector512.Create(Cubic), Vector512.Create(Linear)));
        var slope = Vector512.FusedMultiplyAdd(square, Vector512.Create(3 * Cubic), Vector512.Create(Linear));
        var derivative = Vector512.FusedMultiplyAdd(x * slope, logistic - logistic * logistic, logistic);
        var gradient = Lanes.Load(gradients, count) * derivative;
        Lanes.Store(gradient, gradients, count);
        if (biasGradient != null)
        {
            Lanes.Store(Lanes.Load(biasGradient, count) + gradient, biasGradient, count);
        }
    }
}

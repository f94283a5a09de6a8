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

    /// <summary>What becomes of the values; they themselves become its derivative.</summary>
    public static void Forward(float* values, float* into, long length)
    {
        var whole = length & -Lanes.Count;
        for (long i = 0; i < whole; i += Lanes.Count)
        {
            Activate(values + i, into + i, Lanes.Count);
        }
        if (whole < length)
        {
            Activate(values + whole, into + whole, (int)(length - whole));
        }
    }

    /// <summary>The output's gradient becomes the input's, which is added to the bias's, too, if that is not null.</summary>
    /// <param name="slopes_RC">The derivative that <see cref="Forward"/> left.</param>
    public static void Backward(float* slopes_RC, int rows, int channels, float* gradient_RC, float* biasGradient_C)
    {
        var whole = Lanes.Whole(channels);
        for (var row = 0; row < rows; row++, slopes_RC += channels, gradient_RC += channels)
        {
            for (var i = 0; i < whole; i += Lanes.Count)
            {
                Return(slopes_RC + i, gradient_RC + i, biasGradient_C == null ? null : biasGradient_C + i, Lanes.Count);
            }
            if (whole < channels)
            {
                Return(slopes_RC + whole, gradient_RC + whole, biasGradient_C == null ? null : biasGradient_C + whole, channels - whole);
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Activate(float* values, float* into, int count)
    {
        var x = Lanes.Load(values, count);
        var square = x * x;
        var logistic = Squash.Sigmoid(x * Vector512.FusedMultiplyAdd(square, Vector512.Create(Cubic), Vector512.Create(Linear)));
        Lanes.Store(x * logistic, into, count);
        var slope = Vector512.FusedMultiplyAdd(square, Vector512.Create(3 * Cubic), Vector512.Create(Linear));
        Lanes.Store(Vector512.FusedMultiplyAdd(x * slope, logistic - logistic * logistic, logistic), values, count);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Return(float* slopes, float* gradients, float* biasGradient, int count)
    {
        var gradient = Lanes.Load(gradients, count) * Lanes.Load(slopes, count);
        Lanes.Store(gradient, gradients, count);
        if (biasGradient != null)
        {
            Lanes.Add(gradient, biasGradient, count);
        }
    }
}

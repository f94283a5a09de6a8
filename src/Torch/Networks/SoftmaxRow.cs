using System.Runtime.Intrinsics;
using Granary.Training.Numerics;

namespace Granary.Torch.Networks;

/// <summary>Cross-entropy of one sample's logits, which become their gradient. Sums in 16 fixed lanes, the same on every machine.</summary>
internal static unsafe class SoftmaxRow
{
    private const int Lanes = 16;

    /// <param name="logits">Become softmax, less 1 at the target.</param>
    /// <param name="bias">Added first; may be null.</param>
    /// <param name="biasGradient">The logits' gradient is added to it, if there is a bias.</param>
    /// <returns>The cross-entropy.</returns>
    public static double BecomeGradient(float* logits, int target, float* bias, float* biasGradient, int classes)
    {
        var max = bias == null ? Max(logits, classes) : AddBias(logits, bias, classes);
        var aboveTarget = max - (double)logits[target];
        var sum = Exponentiate(logits, max, classes);
        Scale(logits, (float)(1 / sum), biasGradient, classes);
        logits[target] -= 1;
        if (biasGradient != null)
        {
            biasGradient[target] -= 1;
        }
        return aboveTarget + Math.Log(sum);
    }

    private static float Max(float* logits, int classes)
    {
        var lanes = Vector512.Create(float.NegativeInfinity);
        var i = 0;
        for (; i <= classes - Lanes; i += Lanes)
        {
            lanes = Vector512.MaxNative(lanes, Vector512.Load(logits + i));
        }
        return MaxOf(lanes, logits, i, classes);
    }

    private static float AddBias(float* logits, float* bias, int classes)
    {
        var lanes = Vector512.Create(float.NegativeInfinity);
        var i = 0;
        for (; i <= classes - Lanes; i += Lanes)
        {
            var biased = Vector512.Load(logits + i) + Vector512.Load(bias + i);
            biased.Store(logits + i);
            lanes = Vector512.MaxNative(lanes, biased);
        }
        for (var rest = i; rest < classes; rest++)
        {
            logits[rest] += bias[rest];
        }
        return MaxOf(lanes, logits, i, classes);
    }

    // The maximum may miss a NaN, which survives the exponential and reaches the sum.
    private static float MaxOf(Vector512<float> lanes, float* logits, int from, int classes)
    {
        var max = float.NegativeInfinity;
        for (var lane = 0; lane < Lanes; lane++)
        {
            max = MathF.Max(max, lanes[lane]);
        }
        for (var i = from; i < classes; i++)
        {
            max = MathF.Max(max, logits[i]);
        }
        return max;
    }

    /// <returns>The sum of the exponentials.</returns>
    private static double Exponentiate(float* logits, float max, int classes)
    {
        var shift = Vector512.Create(max);
        var lanes = Vector512<float>.Zero;
        var i = 0;
        for (; i <= classes - Lanes; i += Lanes)
        {
            var exponential = VectorExp.OfNonPositive(Vector512.Load(logits + i) - shift);
            exponential.Store(logits + i);
            lanes += exponential;
        }
        if (i < classes)
        {
            var rest = stackalloc float[Lanes];
            new Span<float>(rest, Lanes).Fill(float.NegativeInfinity);
            new Span<float>(logits + i, classes - i).CopyTo(new(rest, Lanes));
            var exponential = VectorExp.OfNonPositive(Vector512.Load(rest) - shift);
            exponential.Store(rest);
            new Span<float>(rest, classes - i).CopyTo(new(logits + i, classes - i));
            lanes += exponential;
        }
        double sum = 0;
        for (var lane = 0; lane < Lanes; lane++)
        {
            sum += lanes[lane];
        }
        return sum;
    }

    private static void Scale(float* exponentials, float scale, float* biasGradient, int classes)
    {
        if (biasGradient == null)
        {
            VectorMath.Scale(exponentials, scale, classes);
            return;
        }
        var i = 0;
        for (; i <= classes - Lanes; i += Lanes)
        {
            var probability = Vector512.Load(exponentials + i) * scale;
            probability.Store(exponentials + i);
            (Vector512.Load(biasGradient + i) + probability).Store(biasGradient + i);
        }
        for (; i < classes; i++)
        {
            biasGradient[i] += exponentials[i] *= scale;
        }
    }
}

using System.Runtime.Intrinsics;

namespace Granary.Training.Numerics;

/// <summary>
/// Loops over floats whose result does not depend on the machine's vector width: elementwise operations, and sums in 16
/// fixed lanes (narrower machines run the same lanes in several registers).
/// </summary>
public static unsafe class VectorMath
{
    private const int Lanes = 16;

    /// <summary>into = left + right. Any of them may be the same memory.</summary>
    public static void Add(float* left, float* right, float* into, long length)
    {
        var i = 0L;
        for (; i <= length - Lanes; i += Lanes)
        {
            (Vector512.Load(left + i) + Vector512.Load(right + i)).Store(into + i);
        }
        for (; i < length; i++)
        {
            into[i] = left[i] + right[i];
        }
    }

    /// <summary>values *= factor.</summary>
    public static void Scale(float* values, float factor, int length)
    {
        var i = 0;
        for (; i <= length - Lanes; i += Lanes)
        {
            (Vector512.Load(values + i) * factor).Store(values + i);
        }
        for (; i < length; i++)
        {
            values[i] *= factor;
        }
    }

    /// <summary>values += factor * addend, rounded once.</summary>
    public static void AddScaled(float* values, float* addend, float factor, int length)
    {
        var i = 0;
        for (; i <= length - Lanes; i += Lanes)
        {
            Vector512.FusedMultiplyAdd(Vector512.Load(addend + i), Vector512.Create(factor), Vector512.Load(values + i)).Store(values + i);
        }
        for (; i < length; i++)
        {
            values[i] = MathF.FusedMultiplyAdd(addend[i], factor, values[i]);
        }
    }

    /// <summary>into = factor * (left - right), never -0. Any of them may be the same memory.</summary>
    public static void ScaledDifference(float* left, float* right, float factor, float* into, int length)
    {
        var i = 0;
        for (; i <= length - Lanes; i += Lanes)
        {
            Vector512.FusedMultiplyAdd(Vector512.Load(left + i) - Vector512.Load(right + i), Vector512.Create(factor), Vector512<float>.Zero).Store(into + i);
        }
        for (; i < length; i++)
        {
            into[i] = MathF.FusedMultiplyAdd(left[i] - right[i], factor, 0);
        }
    }

    /// <summary>The sum of squares, in double precision: eight lanes, then in lane order.</summary>
    public static double SumOfSquares(float* values, long length)
    {
        var low = Vector512<double>.Zero;
        var high = Vector512<double>.Zero;
        var i = 0L;
        for (; i <= length - Lanes; i += Lanes)
        {
            var (first, second) = Vector512.Widen(Vector512.Load(values + i));
            low += first * first;
            high += second * second;
        }
        var lanes = low + high;
        double sum = 0;
        for (var lane = 0; lane < Vector512<double>.Count; lane++)
        {
            sum += lanes.GetElement(lane);
        }
        for (; i < length; i++)
        {
            sum += (double)values[i] * values[i];
        }
        return sum;
    }
}

using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Granary.Training.Numerics;

namespace Granary.Torch.Operations;

/// <summary>The S-shaped functions of gates, within 1e-7; NaN stays NaN.</summary>
internal static class Squash
{
    /// <summary>From 0 to 1.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Sigmoid(Vector512<float> x)
    {
        var one = Vector512<float>.One;
        var power = VectorExp.OfNonPositive(x | Sign);
        return Vector512.ConditionalSelect(Vector512.LessThan(x, Vector512<float>.Zero), power, one) / (one + power);
    }

    /// <summary>From -1 to 1.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Tanh(Vector512<float> x)
    {
        var power = VectorExp.OfNonPositive((x + x) | Sign);
        return (Vector512<float>.One - power) / (Vector512<float>.One + power) | (x & Sign);
    }

    private static Vector512<float> Sign => Vector512.Create(-0f);
}

using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Granary.Training.Numerics;

namespace Granary.Torch.Operations;

/// <summary>The S-shaped functions of gates and activations, within 3e-7; NaN stays NaN.</summary>
internal static class Squash
{
    private static Vector512<float> Sign => Vector512.Create(-0f);

    /// <summary>From -1 to 1.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Tanh(Vector512<float> x)
    {
        var power = VectorExp.OfNonPositive((x + x) | Sign);
        return (Vector512<float>.One - power) / (Vector512<float>.One + power) | (x & Sign);
    }

    /// <summary>From 0 to 1.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Sigmoid(Vector512<float> x)
    {
        var power = VectorExp.OfNonPositive(x | Sign);
        var least = power / (Vector512<float>.One + power);
        return Vector512.ConditionalSelect(Vector512.LessThan(x, Vector512<float>.Zero), least, Vector512<float>.One - least);
    }

    /// <summary>From 0 to 1. Two at a time: division is slow, and they share one.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static (Vector512<float> X, Vector512<float> Y) Sigmoids(Vector512<float> x, Vector512<float> y)
    {
        var (zero, one) = (Vector512<float>.Zero, Vector512<float>.One);
        var (powerX, powerY) = (VectorExp.OfNonPositive(x | Sign), VectorExp.OfNonPositive(y | Sign));
        var (belowX, belowY) = (one + powerX, one + powerY);
        var inverse = one / (belowX * belowY);
        return (Vector512.ConditionalSelect(Vector512.LessThan(x, zero), powerX, one) * (belowY * inverse), Vector512.ConditionalSelect(Vector512.LessThan(y, zero), powerY, one) * (belowX * inverse));
    }

    /// <summary>The first as <see cref="Tanh"/>, the second as <see cref="Sigmoids"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static (Vector512<float> X, Vector512<float> Y) TanhAndSigmoid(Vector512<float> x, Vector512<float> y)
    {
        var (sigmoidX, sigmoidY) = Sigmoids(x + x, y);
        return (sigmoidX + sigmoidX - Vector512<float>.One, sigmoidY);
    }
}

using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Granary.Training.Numerics;

/// <summary>The exponential function in single precision, with the same bits on every machine.</summary>
public static class VectorExp
{
    private const float Log2E = 1.44269504f, Ln2High = 0.693359375f, Ln2Low = -2.12194440e-4f;

    // Below it the result would be subnormal; it is 0 there.
    private const float Least = -87.3f;

    /// <summary>
    /// e to the power of numbers that are 0 or less; larger ones are not handled. NaN stays NaN. Within 2 units in the last place.
    /// Reduces to +-ln(2)/2 and takes a polynomial there (Moshier's Cephes library, <c>expf</c>).
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> OfNonPositive(Vector512<float> x)
    {
        // In this order: x86 gives the second number when one of them is NaN.
        var bounded = Vector512.MaxNative(Vector512.Create(Least), x);
        var whole = Vector512.Floor(Vector512.FusedMultiplyAdd(bounded, Vector512.Create(Log2E), Vector512.Create(0.5f)));
        var rest = Vector512.FusedMultiplyAdd(whole, Vector512.Create(-Ln2High), bounded);
        rest = Vector512.FusedMultiplyAdd(whole, Vector512.Create(-Ln2Low), rest);
        var power = Vector512.Create(1.9875691500e-4f);
        power = Vector512.FusedMultiplyAdd(power, rest, Vector512.Create(1.3981999507e-3f));
        power = Vector512.FusedMultiplyAdd(power, rest, Vector512.Create(8.3334519073e-3f));
        power = Vector512.FusedMultiplyAdd(power, rest, Vector512.Create(4.1665795894e-2f));
        power = Vector512.FusedMultiplyAdd(power, rest, Vector512.Create(1.6666665459e-1f));
        power = Vector512.FusedMultiplyAdd(power, rest, Vector512.Create(5.0000001201e-1f));
        power = Vector512.FusedMultiplyAdd(power, rest * rest, rest) + Vector512<float>.One;
        var scaled = (power.AsInt32() + (Vector512.ConvertToInt32Native(whole) << 23)).AsSingle();
        return Vector512.AndNot(scaled, Vector512.LessThanOrEqual(x, Vector512.Create(Least)));
    }
}

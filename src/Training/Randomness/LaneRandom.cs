using System.Runtime.Intrinsics;

namespace Granary.Training.Randomness;

/// <summary>
/// Many random numbers at once: 16 generators xoshiro128++ (Blackman and Vigna, 2018) side by side, seeded from
/// <see cref="StepRandom"/>. The same seed gives the same numbers whatever the machine's vector width.
/// </summary>
public sealed class LaneRandom
{
    /// <summary>Generators side by side.</summary>
    public const int Lanes = 16;
    private Vector512<uint> a, b, c, d;

    /// <summary>Seeded as by <see cref="Seed"/>.</summary>
    public LaneRandom(ulong seed) => Seed(seed);

    /// <summary>Begins anew, with the numbers of this seed.</summary>
    public void Seed(ulong seed)
    {
        var random = new StepRandom(seed);
        (a, b, c, d) = (Draw(ref random), Draw(ref random), Draw(ref random), Draw(ref random));
    }

    /// <summary>Each number is <paramref name="value"/> with the given probability, and 0 otherwise.</summary>
    public void Keep(Span<float> into, double probability, float value)
    {
        var below = Vector512.Create((uint)Math.Min(uint.MaxValue, Math.Round(probability * (1L << 32))));
        var values = Vector512.Create(value);
        var i = 0;
        for (; i <= into.Length - Lanes; i += Lanes)
        {
            Kept(below, values).CopyTo(into[i..]);
        }
        if (i < into.Length)
        {
            Span<float> rest = stackalloc float[Lanes];
            Kept(below, values).CopyTo(rest);
            rest[..(into.Length - i)].CopyTo(into[i..]);
        }
    }

    private Vector512<float> Kept(Vector512<uint> below, Vector512<float> values) =>
        Vector512.LessThan(Next(), below).AsSingle() & values;

    private Vector512<uint> Next()
    {
        var result = RotateLeft(a + d, 7) + a;
        var shifted = b << 9;
        c ^= a;
        d ^= b;
        b ^= c;
        a ^= d;
        c ^= shifted;
        d = RotateLeft(d, 11);
        return result;
    }

    private static Vector512<uint> RotateLeft(Vector512<uint> value, int count) => value << count | value >>> (32 - count);

    private static Vector512<uint> Draw(ref StepRandom random)
    {
        Span<uint> lanes = stackalloc uint[Lanes];
        foreach (ref var lane in lanes)
        {
            lane = (uint)(random.NextULong() >> 32);
        }
        return Vector512.Create<uint>(lanes);
    }
}

using System.Runtime.CompilerServices;

namespace Granary.Training.Randomness;

/// <summary>
/// A small fast generator for one purpose: xoshiro256** (Blackman and Vigna, 2018), seeded through SplitMix64 from a list
/// of numbers such as (seed, step, phase, shard). The same numbers give the same stream everywhere.
/// </summary>
public struct StepRandom
{
    private ulong a, b, c, d;

    /// <summary>A generator whose numbers follow from all of the seeds and from their order.</summary>
    public StepRandom(params ReadOnlySpan<ulong> seeds)
    {
        var state = Mix(seeds);
        a = SplitMix(ref state);
        b = SplitMix(ref state);
        c = SplitMix(ref state);
        d = SplitMix(ref state);
    }

    /// <summary>One seed out of several numbers: every bit of each reaches every bit of it.</summary>
    public static ulong Mix(params ReadOnlySpan<ulong> seeds)
    {
        var state = 0x6A09E667F3BCC909UL;
        foreach (var seed in seeds)
        {
            state ^= seed;
            state = SplitMix(ref state);
        }
        return state;
    }

    /// <summary>Any of the 2^64 numbers, each with the same probability.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public ulong NextULong()
    {
        var result = ulong.RotateLeft(b * 5, 7) * 9;
        var shifted = b << 17;
        c ^= a;
        d ^= b;
        b ^= c;
        a ^= d;
        c ^= shifted;
        d = ulong.RotateLeft(d, 45);
        return result;
    }

    /// <summary>Uniform in [0, bound). The bias is below bound / 2^64.</summary>
    public int Next(int bound) => (int)Math.BigMul(NextULong(), (ulong)bound, out _);

    /// <summary>Uniform in [0, 1).</summary>
    public double NextDouble() => (NextULong() >> 11) * (1.0 / (1UL << 53));

    /// <summary>Uniform in [0, 1), with 24 bits.</summary>
    public float NextSingle() => (NextULong() >> 40) * (1.0f / (1 << 24));

    /// <summary>Standard normal, by Box and Muller's method; one draw costs two uniforms.</summary>
    public double NextNormal() =>
        Math.Sqrt(-2 * Math.Log(1 - NextDouble())) * Math.Cos(2 * Math.PI * NextDouble());

    private static ulong SplitMix(ref ulong state)
    {
        var z = state += 0x9E3779B97F4A7C15UL;
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9UL;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EBUL;
        return z ^ (z >> 31);
    }
}

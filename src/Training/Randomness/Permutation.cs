using System.Numerics;

namespace Granary.Training.Randomness;

/// <summary>
/// The numbers 0 to <paramref name="count"/> - 1 in an order that depends on some seeds alone. Nothing is stored: a Feistel
/// network over the next power of four permutes, and is applied again where it leaves the range.
/// </summary>
public readonly struct Permutation(int count, params ReadOnlySpan<ulong> seeds)
{
    private const int Rounds = 8;
    private readonly ulong key = StepRandom.Mix(seeds);
    private readonly int halfBits = (BitOperations.Log2((uint)Math.Max(1, count - 1)) + 2) / 2;

    /// <summary>How many numbers there are.</summary>
    public int Count { get; } = count;

    /// <summary>The number at a position; each occurs once.</summary>
    public int this[int position]
    {
        get
        {
            ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((uint)position, (uint)Count);
            var number = (uint)position;
            do
            {
                number = Shuffle(number);
            }
            while (number >= Count);
            return (int)number;
        }
    }

    private uint Shuffle(uint number)
    {
        var mask = (1u << halfBits) - 1;
        uint left = number >> halfBits, right = number & mask;
        for (ulong round = 0; round < Rounds; round++)
        {
            (left, right) = (right, left ^ ((uint)StepRandom.Mix(key, round, right) & mask));
        }
        return left << halfBits | right;
    }
}

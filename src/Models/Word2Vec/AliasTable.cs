using System.Runtime.CompilerServices;
using Granary.Training.Randomness;

namespace Granary.Models.Word2Vec;

/// <summary>
/// Draws from a discrete distribution in constant time, by Walker's alias method: each number shares its equal slice of
/// the range with at most one other, so that a draw costs one random number and one look-up.
/// </summary>
internal sealed class AliasTable
{
    private const double One = 1L << 32;
    private readonly (uint Threshold, int Alias)[] slices;

    /// <param name="weights">Proportional to the probabilities; not negative, not all zero.</param>
    public AliasTable(ReadOnlySpan<double> weights)
    {
        double total = 0;
        foreach (var weight in weights)
        {
            total += weight;
        }
        slices = new (uint, int)[weights.Length];
        var heights = new double[weights.Length];
        Stack<int> small = [], large = [];
        for (var i = 0; i < weights.Length; i++)
        {
            heights[i] = weights[i] / total * weights.Length;
            (heights[i] < 1 ? small : large).Push(i);
        }
        while (small.Count > 0 && large.Count > 0)
        {
            int poor = small.Pop(), rich = large.Pop();
            slices[poor] = ((uint)(heights[poor] * One), rich);
            heights[rich] -= 1 - heights[poor];
            (heights[rich] < 1 ? small : large).Push(rich);
        }
        // What is left has height 1 up to rounding: it keeps its whole slice.
        foreach (var full in small.Concat(large))
        {
            slices[full] = (0, full);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public int Draw(ref StepRandom random)
    {
        var number = random.NextULong();
        var slice = (int)((number >> 32) * (ulong)slices.Length >> 32);
        var (threshold, alias) = slices[slice];
        // Without a branch, which nobody could predict: the mask is all ones if the number lies beyond the threshold.
        var beyond = (int)((long)(uint)number - threshold >> 63) ^ -1;
        return slice ^ (slice ^ alias) & beyond;
    }
}

using Granary.Training.Randomness;

namespace Granary.Models.Word2Vec;

/// <summary>
/// Draws from a discrete distribution in constant time, by Walker's alias method: each number shares its equal slice of
/// the range with at most one other, so that a draw costs one random number and two look-ups.
/// </summary>
internal sealed class AliasTable
{
    private readonly ulong[] thresholds;
    private readonly int[] aliases;

    /// <param name="weights">Proportional to the probabilities; not negative, not all zero.</param>
    public AliasTable(ReadOnlySpan<double> weights)
    {
        double total = 0;
        foreach (var weight in weights)
        {
            total += weight;
        }
        thresholds = new ulong[weights.Length];
        aliases = new int[weights.Length];
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
            thresholds[poor] = (ulong)(heights[poor] * (1UL << 63)) << 1;
            aliases[poor] = rich;
            heights[rich] -= 1 - heights[poor];
            (heights[rich] < 1 ? small : large).Push(rich);
        }
        // What is left has height 1 up to rounding: it keeps its whole slice.
        foreach (var full in small.Concat(large))
        {
            thresholds[full] = ulong.MaxValue;
            aliases[full] = full;
        }
    }

    public int Draw(ref StepRandom random)
    {
        var slice = (int)Math.BigMul(random.NextULong(), (ulong)thresholds.Length, out var within);
        return within < thresholds[slice] ? slice : aliases[slice];
    }
}

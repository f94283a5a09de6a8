namespace Granary.Training.Shards;

/// <summary>
/// The one order in which shards are summed: a balanced binary tree over shard numbers. A node of size 2^n covers the
/// shards [k 2^n, (k+1) 2^n), cut off at the number of shards; its value is its left half plus its right half. Floating-point
/// addition is not associative: with one fixed tree the sum has the same bits for every placement of shards on workers.
/// </summary>
public static class CanonicalTree
{
    /// <summary>Whether two neighbouring ranges are the halves of a node, so that they may be added now.</summary>
    public static bool AreSiblings(ShardRange left, ShardRange right, int shards)
    {
        for (var size = 2; size < 2 * shards; size *= 2)
        {
            if (left.Start % size == 0 && left.End == left.Start + size / 2 && right.Start == left.End && right.End == Math.Min(left.Start + size, shards))
            {
                return true;
            }
        }
        return false;
    }

    /// <summary>The fewest nodes that together cover the range: what a worker can sum by itself.</summary>
    public static IReadOnlyList<ShardRange> Cover(ShardRange range, int shards)
    {
        var nodes = new Stack<ShardRange>();
        for (var shard = range.Start; shard < range.End; shard++)
        {
            var node = new ShardRange(shard, shard + 1);
            while (nodes.TryPeek(out var left) && AreSiblings(left, node, shards))
            {
                nodes.Pop();
                node = new(left.Start, node.End);
            }
            nodes.Push(node);
        }
        return [.. nodes.Reverse()];
    }

    /// <summary>In which order some nodes, from left to right, are added up to one.</summary>
    /// <returns>For each addition its two operands: the number of a node, or, counted on from there, that of an earlier addition.</returns>
    /// <exception cref="ArgumentException">They do not add up to one node.</exception>
    public static IReadOnlyList<(int Left, int Right)> Additions(IReadOnlyList<ShardRange> nodes, int shards)
    {
        var additions = new List<(int Left, int Right)>();
        var pending = new Stack<(ShardRange Node, int Operand)>();
        for (var input = 0; input < nodes.Count; input++)
        {
            var sum = (Node: nodes[input], Operand: input);
            while (pending.TryPeek(out var left) && AreSiblings(left.Node, sum.Node, shards))
            {
                pending.Pop();
                additions.Add((left.Operand, sum.Operand));
                sum = (new(left.Node.Start, sum.Node.End), nodes.Count + additions.Count - 1);
            }
            pending.Push(sum);
        }
        return pending.Count == 1 ? additions : throw new ArgumentException($"The nodes {string.Join(", ", nodes)} of {shards} shards do not add up to one node.");
    }
}

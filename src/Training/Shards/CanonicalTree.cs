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
}

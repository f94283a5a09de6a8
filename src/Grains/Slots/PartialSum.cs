using Granary.Contracts;
using Granary.Training.Frames;
using Granary.Training.Shards;

namespace Granary.Grains.Slots;

/// <summary>Frames as messages, and their sum by the definition of the canonical tree.</summary>
internal static class PartialSum
{
    public static PartialMessage ToMessage(Partial partial) => new(
        partial.Node.Start,
        partial.Node.End,
        partial.Frame.Dense.ToArray(),
        partial.Frame.Rows?.Numbers.ToArray() ?? [],
        partial.Frame.Rows?.Values.ToArray() ?? []);

    public static void CopyTo(PartialMessage sum, Frame frame)
    {
        sum.Dense.CopyTo(frame.Dense);
        if (frame.Rows is { } rows)
        {
            rows.Reset(sum.RowNumbers);
            sum.RowValues.CopyTo(rows.Values);
        }
    }

    /// <summary>Adds siblings until the root is left.</summary>
    public static PartialMessage Add(IEnumerable<PartialMessage> partials, int shards)
    {
        var sums = partials.OrderBy(partial => partial.ShardStart).ToList();
        while (sums.Count > 1)
        {
            var at = Enumerable.Range(0, sums.Count - 1).First(i => CanonicalTree.AreSiblings(NodeOf(sums[i]), NodeOf(sums[i + 1]), shards));
            sums[at] = Add(sums[at], sums[at + 1]);
            sums.RemoveAt(at + 1);
        }
        return sums[0];
    }

    private static ShardRange NodeOf(PartialMessage partial) => new(partial.ShardStart, partial.ShardEnd);

    private static PartialMessage Add(PartialMessage left, PartialMessage right)
    {
        var dense = new float[left.Dense.Length];
        for (var i = 0; i < dense.Length; i++)
        {
            dense[i] = left.Dense[i] + right.Dense[i];
        }
        var rows = new SortedDictionary<int, float[]>();
        AddRows(left);
        AddRows(right);
        return new(left.ShardStart, right.ShardEnd, dense, [.. rows.Keys], [.. rows.Values.SelectMany(row => row)]);

        void AddRows(PartialMessage side)
        {
            var width = side.RowNumbers.Length == 0 ? 0 : side.RowValues.Length / side.RowNumbers.Length;
            for (var i = 0; i < side.RowNumbers.Length; i++)
            {
                var row = side.RowValues.AsSpan(i * width, width);
                if (!rows.TryGetValue(side.RowNumbers[i], out var sum))
                {
                    rows.Add(side.RowNumbers[i], row.ToArray());
                    continue;
                }
                for (var column = 0; column < width; column++)
                {
                    sum[column] += row[column];
                }
            }
        }
    }
}

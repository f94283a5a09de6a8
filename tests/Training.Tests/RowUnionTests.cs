using Granary.Training.Exchange;
using Granary.Training.Frames;
using Granary.Training.Randomness;
using Granary.Training.Shards;

namespace Granary.Training.Tests;

public class RowUnionTests
{
    private const int Width = 21;

    [Theory]
    [InlineData(1, 3, 40)]
    [InlineData(2, 4, 40)]
    [InlineData(3, 7, 300)]
    [InlineData(2, 2, 0)]
    [InlineData(4, 8, 1)]
    public void Sum_ByAnyNumberOfWorkers_IsTheUnionOfRowsAddedAlongTheTree(int workers, int shards, int rows)
    {
        var frames = Enumerable.Range(0, shards).Select(shard => SomeRows(shard, rows)).ToArray();
        var expected = Tree(new(0, shards), shards, frames);
        var ranges = ShardRange.Split(shards, workers);
        using var group = new ProcessGroup(ranges, shards);
        var sums = new SortedDictionary<int, float[]>[workers];
        var threads = ranges.Select((range, worker) => new Thread(() =>
        {
            Partial[] partials = [.. Enumerable.Range(range.Start, range.Count).Select(shard => new Partial(new(shard, shard + 1), frames[shard]))];
            sums[worker] = Read(group.Exchanges[worker].Sum(partials, 0, 0).Rows!);
            group.Exchanges[worker].Release();
        })).ToList();
        threads.ForEach(thread => thread.Start());
        threads.ForEach(thread => thread.Join());
        Assert.All(sums, sum => Assert.Equal(expected, sum));
        Array.ForEach(frames, frame => frame.Dispose());
    }

    /// <summary>Rows of very different sizes, so that the order of addition shows.</summary>
    private static Frame SomeRows(int shard, int rows)
    {
        var random = new StepRandom(7, (ulong)shard);
        var frame = Frame.Allocate(0, 0, new SparseRows(Width));
        var touched = new SortedSet<int>();
        // Crowded at the low end: even ranges of numbers would be uneven work.
        for (var i = 0; i < rows; i++)
        {
            touched.Add(random.Next(2) == 0 ? random.Next(rows) : random.Next(50 * rows));
        }
        frame.Rows!.Reset([.. touched]);
        foreach (ref var value in frame.Rows.Values)
        {
            value = (random.NextSingle() - 0.5f) * MathF.Exp(8 * random.NextSingle());
        }
        return frame;
    }

    private static SortedDictionary<int, float[]> Tree(ShardRange node, int shards, Frame[] frames)
    {
        if (node.Count == 1)
        {
            return Read(frames[node.Start].Rows!);
        }
        var half = 1;
        while (2 * half < node.Count)
        {
            half *= 2;
        }
        var sum = Tree(new(node.Start, node.Start + half), shards, frames);
        foreach (var (number, row) in Tree(new(node.Start + half, node.End), shards, frames))
        {
            sum[number] = sum.TryGetValue(number, out var left) ? [.. left.Zip(row, (a, b) => a + b)] : row;
        }
        return sum;
    }

    private static SortedDictionary<int, float[]> Read(SparseRows rows)
    {
        var read = new SortedDictionary<int, float[]>();
        for (var at = 0; at < rows.Count; at++)
        {
            read.Add(rows.Numbers[at], rows.Values.Slice(at * Width, Width).ToArray());
        }
        return read;
    }
}

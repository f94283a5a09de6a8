namespace Granary.Training.Shards;

/// <summary>Shards <paramref name="Start"/> up to, not including, <paramref name="End"/>.</summary>
public readonly record struct ShardRange(int Start, int End)
{
    /// <summary>How many shards it has.</summary>
    public int Count => End - Start;

    /// <inheritdoc/>
    public override string ToString() => $"[{Start}, {End})";

    /// <summary>Even contiguous ranges, one for each of the workers, in order.</summary>
    public static ShardRange[] Split(int shards, int workers)
    {
        if (workers < 1 || workers > shards)
        {
            throw new ArgumentOutOfRangeException(nameof(workers), $"{shards} shards can be spread over 1 to {shards} workers, not over {workers}.");
        }
        return [.. Enumerable.Range(0, workers).Select(worker => new ShardRange(worker * shards / workers, (worker + 1) * shards / workers))];
    }

    /// <summary>Contiguous ranges of so many shards, one after the other.</summary>
    public static ShardRange[] Split(IReadOnlyList<int> counts)
    {
        var ranges = new ShardRange[counts.Count];
        var start = 0;
        for (var worker = 0; worker < ranges.Length; worker++)
        {
            if (counts[worker] < 1)
            {
                throw new ArgumentOutOfRangeException(nameof(counts), $"Every worker trains at least one shard, not {counts[worker]} (of {string.Join(", ", counts)}).");
            }
            ranges[worker] = new(start, start += counts[worker]);
        }
        return ranges;
    }
}

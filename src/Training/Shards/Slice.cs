namespace Granary.Training.Shards;

/// <summary>A part's share of something: a shard's samples within a batch, say, or a worker's floats of a vector: <paramref name="Count"/> of them from <paramref name="Start"/>.</summary>
public readonly record struct Slice(long Start, long Count)
{
    /// <summary>As even as possible: the slices of all shards cover the batch in order and differ by one sample at most.</summary>
    public static Slice Of(long batch, int shard, int shards)
    {
        var start = batch * shard / shards;
        return new(start, batch * (shard + 1) / shards - start);
    }

    /// <summary>Floats of a vector: as even as whole cache lines of 16 floats allow, so that no two parts write the same line.</summary>
    public static Slice Aligned(long size, int part, int parts)
    {
        const int Line = 16;
        var lines = Of((size + Line - 1) / Line, part, parts);
        var start = lines.Start * Line;
        return new(start, Math.Min(size, (lines.Start + lines.Count) * Line) - start);
    }
}

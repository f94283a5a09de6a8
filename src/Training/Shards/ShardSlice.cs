namespace Granary.Training.Shards;

/// <summary>A shard's samples within a batch: <paramref name="Count"/> of them from <paramref name="Start"/>.</summary>
public readonly record struct ShardSlice(int Start, int Count)
{
    /// <summary>Even as far as it goes: the slices of all shards cover the batch in order and differ by one sample at most.</summary>
    public static ShardSlice Of(int batch, int shard, int shards)
    {
        var start = (int)((long)batch * shard / shards);
        return new(start, (int)((long)batch * (shard + 1) / shards) - start);
    }
}

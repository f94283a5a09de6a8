namespace Granary.Training.Frames;

/// <summary>
/// Three floats of every frame that are summed with all else and tell whether a sum holds each shard exactly once: how many,
/// the sum of their numbers, and the sum of a hash of their numbers. All are whole and exact up to <see cref="MostShards"/>.
/// </summary>
public readonly record struct ShardLedger(float Shards, float Numbers, float Hashes)
{
    /// <summary>Floats that it takes in a frame, and the most shards that it can tell apart.</summary>
    public const int Slots = 3, MostShards = 4096;
    private const int HashBits = 12;

    /// <summary>What the sum over all shards holds, each once.</summary>
    public static ShardLedger OfAll(int shards) =>
        new(shards, (long)shards * (shards - 1) / 2, Enumerable.Range(0, shards).Sum(Hash));

    /// <summary>The entry of one shard.</summary>
    public static void Enter(int shard, Span<float> slots) => (slots[0], slots[1], slots[2]) = (1, shard, Hash(shard));

    /// <summary>What these slots hold.</summary>
    public static ShardLedger Read(ReadOnlySpan<float> slots) => new(slots[0], slots[1], slots[2]);

    // Fibonacci hashing (Knuth, The Art of Computer Programming, volume 3, 6.4).
    private static int Hash(int shard) => (int)((uint)(shard + 1) * 2654435769u >> (32 - HashBits));
}

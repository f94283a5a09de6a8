namespace Granary.Training.Frames;

/// <summary>
/// Three floats of every frame that are summed with all else and tell whether a sum holds each shard exactly once: how many,
/// the sum of their numbers, and the sum of a hash of their numbers. All are whole and exact up to <see cref="MostShards"/>.
/// </summary>
public static class ShardCount
{
    public const int Slots = 3, MostShards = 4096;
    private const int HashBits = 12;

    /// <summary>The entry of one shard.</summary>
    public static void Enter(int shard, Span<float> slots) => (slots[0], slots[1], slots[2]) = (1, shard, Hash(shard));

    /// <summary>Whether these slots are the sum over all shards, each once.</summary>
    public static bool HoldsEachOnce(ReadOnlySpan<float> slots, int shards)
    {
        var hashes = 0;
        for (var shard = 0; shard < shards; shard++)
        {
            hashes += Hash(shard);
        }
        return slots[0] == shards && slots[1] == (long)shards * (shards - 1) / 2 && slots[2] == hashes;
    }

    // Fibonacci hashing (Knuth, The Art of Computer Programming, volume 3, 6.4).
    private static int Hash(int shard) => (int)((uint)(shard + 1) * 2654435769u >> (32 - HashBits));
}

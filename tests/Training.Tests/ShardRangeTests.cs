using CsCheck;
using Granary.Training.Shards;

namespace Granary.Training.Tests;

public sealed class ShardRangeTests
{
    [Fact]
    public void Split_ByCounts_GivesContiguousRangesOfThoseCounts() => Gen.Int[1, 9].Array[1, 12].Sample(counts =>
    {
        var ranges = ShardRange.Split(counts);
        Assert.Equal(counts, ranges.Select(range => range.Count));
        Assert.Equal(Enumerable.Range(0, counts.Sum()), ranges.SelectMany(range => Enumerable.Range(range.Start, range.Count)));
    });

    [Fact]
    public void Split_ByTheCountsOfTheEvenSplit_IsTheEvenSplit() => Gen.Int[1, 9].SelectMany(workers => Gen.Select(Gen.Int[workers, 40], Gen.Const(workers))).Sample((shards, workers) =>
    {
        var even = ShardRange.Split(shards, workers);
        Assert.Equal(even, ShardRange.Split([.. even.Select(range => range.Count)]));
    });

    [Fact]
    public void Split_WithAWorkerWithoutShards_IsRefused() =>
        Assert.Contains("at least one shard, not 0 (of 2, 0)", Assert.Throws<ArgumentOutOfRangeException>(() => ShardRange.Split([2, 0])).Message);
}

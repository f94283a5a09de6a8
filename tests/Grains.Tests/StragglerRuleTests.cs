using CsCheck;
using Granary.Grains.Coordinator;
using Granary.Training.Shards;

namespace Granary.Grains.Tests;

public sealed class StragglerRuleTests
{
    private static readonly Gen<TimeSpan> Times = Gen.Int[1, 50].Select(tenths => TimeSpan.FromMilliseconds(tenths * 0.1));
    private static readonly Gen<(int Shards, TimeSpan[] PerShard)> Cases =
        Gen.Int[1, 8].SelectMany(workers => Gen.Select(Gen.Int[workers, 24], Times.Array[workers]));

    [Fact]
    public void Straggler_IsNamedWithHowSlowItIs()
    {
        WorkerPace[] workers = [Pace("silo-0/0", 10), Pace("silo-1/0", 51), Pace("silo-2/0", 10), Pace("silo-3/0", 0), Pace("silo-4/0", 10)];
        Assert.Equal([1, 5.1, 1, 1, 1], StragglerRule.Scores(workers).Select(score => Math.Round(score, 6)));
        Assert.Equal([new(1, "silo-1/0 takes 5.1 times as long for a shard as the others")], StragglerRule.Stragglers(workers));
    }

    [Fact]
    public void Workers_OfWhichOneOnlyIsKnown_HaveNoStraggler()
    {
        Assert.Empty(StragglerRule.Stragglers([Pace("silo-0/0", 90), Pace("silo-1/0", 0)]));
        Assert.Empty(StragglerRule.Stragglers([Pace("silo-0/0", 90)]));
    }

    [Fact]
    public void Shares_OfASlowWorker_AreFewerAndTheOthersStayEven()
    {
        Assert.Equal([1, 4, 3], StragglerRule.Shares(8, [Milliseconds(50), Milliseconds(10), Milliseconds(10)]));
        Assert.Equal([1, 1, 1], StragglerRule.Shares(3, [Milliseconds(1), Milliseconds(1), Milliseconds(1000)]));
    }

    [Fact]
    public void Shares_OfAnyWorkers_GiveEachShardOneOwnerAndEachWorkerAShard() => Cases.Sample((shards, perShard) =>
    {
        var ranges = ShardRange.Split(StragglerRule.Shares(shards, perShard));
        Assert.Equal(Enumerable.Range(0, shards), ranges.SelectMany(range => Enumerable.Range(range.Start, range.Count)));
        Assert.All(ranges, range => Assert.True(range.Count >= 1));
    });

    [Fact]
    public void Shares_OfAnyWorkers_AreDoneNoLaterThanAnyOthers() =>
        Gen.Int[1, 4].SelectMany(workers => Gen.Select(Gen.Int[workers, 9], Times.Array[workers])).Sample((shards, perShard) =>
        {
            var shares = StragglerRule.Shares(shards, perShard);
            var best = Spreads(shards, perShard.Length).Select(spread => StragglerRule.StepTime(spread, perShard)).Min();
            Assert.Equal(best, StragglerRule.StepTime(shares, perShard));
            var mostEven = Spreads(shards, perShard.Length).Where(spread => StragglerRule.StepTime(spread, perShard) == best).Min(spread => spread.Sum(count => count * count));
            Assert.Equal(mostEven, shares.Sum(count => count * count));
        });

    [Fact]
    public void Shares_OfWorkersEquallyFast_AreTheEvenSplit() => Cases.Sample((shards, perShard) =>
    {
        var even = ShardRange.Split(shards, perShard.Length);
        Assert.Equal(even, ShardRange.Split(StragglerRule.Shares(shards, [.. perShard.Select(_ => perShard[0])])));
        Assert.Equal(even, ShardRange.Split(StragglerRule.Shares(shards, [.. perShard.Select(_ => TimeSpan.Zero)])));
    });

    [Fact]
    public void Replan_OfAnyRound_HappensOnlyForAQuarterOfTheStep() => Cases.Sample((shards, perShard) =>
    {
        var even = ShardRange.Split(shards, perShard.Length);
        var decision = StragglerRule.ShouldReplan([.. even.Select((range, worker) => new WorkerPace($"silo-{worker}/0", range.Count, perShard[worker]))]);
        var (now, then) = (StragglerRule.StepTime(even.Select(range => range.Count), perShard), StragglerRule.StepTime(StragglerRule.Shares(shards, perShard), perShard));
        Assert.Equal(then <= now * 0.75, decision.Replan);
        Assert.Equal(decision.Replan ? then : now, StragglerRule.StepTime(decision.Shares, perShard));
    });

    [Fact]
    public void Replan_GivesItsReason()
    {
        var decision = StragglerRule.ShouldReplan([new("silo-0/0", 2, Milliseconds(40)), new("silo-1/0", 2, Milliseconds(10))]);
        Assert.Equal([1, 3], decision.Shares);
        Assert.Equal("Computing would take 40 ms a step instead of 80 ms (shards: 1 in silo-0/0, 3 in silo-1/0).", decision.Reason);
        Assert.Equal("It is not known yet how long silo-1/0 takes for a shard.", StragglerRule.ShouldReplan([Pace("silo-0/0", 90), Pace("silo-1/0", 0)]).Reason);
    }

    private static IEnumerable<int[]> Spreads(int shards, int workers) => workers == 1
        ? [[shards]]
        : Enumerable.Range(1, shards - workers + 1).SelectMany(first => Spreads(shards - first, workers - 1).Select(rest => (int[])[first, .. rest]));

    private static WorkerPace Pace(string slot, int milliseconds) => new(slot, 2, Milliseconds(milliseconds));

    private static TimeSpan Milliseconds(int count) => TimeSpan.FromMilliseconds(count);
}

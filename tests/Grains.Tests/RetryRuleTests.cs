using CsCheck;
using Granary.Contracts;
using Granary.Grains.Coordinator;
using Granary.Training.Shards;

namespace Granary.Grains.Tests;

public sealed class RetryRuleTests
{
    private const int Shards = 8;

    private static readonly Gen<ShardRange> Ranges = Gen.Int[0, Shards - 1].SelectMany(start => Gen.Int[start + 1, Shards].Select(end => new ShardRange(start, end)));

    [Fact]
    public void Run_WhoseWorkersDieOverTheSameShards_IsGivenUpWithTheirNames()
    {
        var decision = Decide(Loss(120, new(0, 4), "silo-0/0"), Loss(120, new(2, 8), "silo-2/0"), Loss(120, new(2, 4), "silo-1/0"));
        Assert.Equal(
            new(false, "Shards [2, 4) were being computed when 3 workers in a row were lost at step 120 (silo-0/0, silo-2/0, silo-1/0): they are not tried again."),
            decision);
    }

    [Fact]
    public void Run_WhoseSilosDieOverOneShard_IsGivenUpWhicheverWorkerHadIt()
    {
        WorkerLoss Silo(string name, int cut) => WorkerLoss.Of(7, [Worker($"{name}/0", new(0, cut)), Worker($"{name}/1", new(cut, 3))]);
        var decision = Decide(Silo("silo-0", 1), Silo("silo-1", 2), Loss(7, new(1, 2), "silo-2/0"));
        Assert.Equal(
            new(false, "Shard 1 was being computed when 5 workers in a row were lost at step 7 (silo-0/0, silo-0/1, silo-1/0, silo-1/1, silo-2/0): it is not tried again."),
            decision);
    }

    [Fact]
    public void Run_OnOneWorkerThatHasAllShards_IsDecidedByTheNarrowestLoss()
    {
        Assert.Contains("Shards [4, 6) were", Decide(Loss(3, new(4, 6)), Loss(3, new(0, 8)), Loss(3, new(0, 8))).Reason);
        Assert.True(Decide(Loss(3, new(4, 6)), Loss(3, new(0, 4)), Loss(3, new(0, 8))).GoOn);
    }

    [Fact]
    public void Run_ThatGetsOnBetweenLosses_IsNeverGivenUp() => Gen.Select(Gen.Long[0, 3], Ranges).Array[1, 20].Sample(losses =>
    {
        var (history, step) = (LossHistory.None, 0L);
        foreach (var (steps, range) in losses)
        {
            // A step made is either heard of, or shows in the next loss.
            step += steps + 1;
            history = (steps > 1 ? history.AfterStep(step) : history).After(Loss(step, range));
            Assert.True(RetryRule.Decide(history).GoOn);
            Assert.Single(history.Losses);
        }
    });

    [Fact]
    public void Run_ThatOnlyMakesUpForLostSteps_HasNotGotOn()
    {
        var history = LossHistory.None.After(Loss(120, new(0, 2))).AfterStep(100).AfterStep(120);
        Assert.Single(history.Losses);
        Assert.Empty(history.AfterStep(121).Losses);
    }

    [Fact]
    public void Run_WithThreeLossesAtOneStepOverACommonShard_IsAlwaysGivenUp() =>
        Gen.Select(Gen.Int[0, Shards - 1], Ranges.Array[3], Gen.Select(Gen.Long[0, 2], Ranges).Array[0, 4]).Sample((shard, ranges, before) =>
        {
            var history = before.Aggregate(LossHistory.None, (losses, loss) => losses.After(Loss(loss.Item1, loss.Item2)));
            history = ranges.Aggregate(history, (losses, range) => losses.After(Loss(2, new(Math.Min(range.Start, shard), Math.Max(range.End, shard + 1)))));
            Assert.False(RetryRule.Decide(history).GoOn);
        });

    [Fact]
    public void Run_WithLossesOverDisjointShards_IsNeverGivenUp() => Gen.Int[2, 6].SelectMany(workers => Gen.Shuffle(ShardRange.Split(Shards, workers))).Sample(ranges =>
    {
        var history = LossHistory.None;
        for (var loss = 0; loss < 12; loss++)
        {
            history = history.After(Loss(5, ranges[loss % ranges.Length]));
            Assert.True(RetryRule.Decide(history).GoOn);
        }
    });

    private static RetryDecision Decide(params WorkerLoss[] losses) => RetryRule.Decide(losses.Aggregate(LossHistory.None, (history, loss) => history.After(loss)));

    private static WorkerLoss Loss(long step, ShardRange shards, string slot = "silo-0/0") => WorkerLoss.Of(step, [Worker(slot, shards)]);

    private static WorkerAssignment Worker(string slot, ShardRange shards) =>
        new(new(new(slot.Split('/')[0], "", default, "", 0, 2), slot[^1] - '0'), shards.Start, shards.End);
}

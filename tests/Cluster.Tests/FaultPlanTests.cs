using Granary.Chaos;

namespace Granary.Cluster.Tests;

public class FaultPlanTests
{
    private static readonly FaultKind[] all = Enum.GetValues<FaultKind>();

    [Fact]
    public void Plan_OfTheSameNumbers_IsTheSame()
    {
        var plan = FaultPlan.Create(7, 50, all, 1000, Phases(2));
        Assert.Equal(plan.Faults, FaultPlan.Create(7, 50, [.. all.Reverse()], 1000, Phases(2)).Faults);
        Assert.NotEqual(plan.Faults, FaultPlan.Create(8, 50, all, 1000, Phases(2)).Faults);
    }

    /// <summary>Whoever repeats a plan of last year gets that plan: a change of this list is a change of every plan.</summary>
    [Fact]
    public void Plan_OfSeedOne_IsThisOne() => Assert.Equal(
        ["Stop 2/1", "Kill 29/1 + Kill 320 ms", "Slow 37/0", "Flip 60/1", "Cut 72/1 + Kill 80 ms", "DiskFullAtEnd 99/0"],
        FaultPlan.Create(1, 6, [FaultKind.Kill, FaultKind.Stop, FaultKind.Cut, FaultKind.Slow, FaultKind.Flip, FaultKind.DiskFullAtEnd], 100, Phases(2), checkpointEvery: 5)
            .Faults.Select(fault => $"{fault.Kind} {fault.Step}/{fault.Phase}{(fault.Second is { } second ? $" + {second.Kind} {second.After.TotalMilliseconds} ms" : "")}"));

    [Theory]
    [InlineData(1, 6)]
    [InlineData(5, 100)]
    [InlineData(50, 104)]
    [InlineData(50, 100_000)]
    public void Faults_RiseWithAStepBetweenThem_AndLeaveRoomAtBothEnds(int count, long totalSteps)
    {
        for (var seed = 0UL; seed < 200; seed++)
        {
            var faults = FaultPlan.Create(seed, count, all, totalSteps, Phases(3), checkpointEvery: 7).Faults;
            Assert.Equal(count, faults.Count);
            Assert.All(faults, fault => Assert.InRange(fault.Phase, 0, 2));
            Assert.All(faults.Zip(faults.Skip(1)), pair => Assert.True(pair.Second.Step >= pair.First.Step + (pair.First.StrikesCheckpoint ? 3 : 2)));
            var atEnd = faults.Where(fault => fault.Kind == FaultKind.DiskFullAtEnd).ToList();
            Assert.All(faults.Except(atEnd), fault => Assert.InRange(fault.Step, FaultPlan.FreeSteps, totalSteps - FaultPlan.FreeSteps - 1));
            Assert.True(atEnd.Count == 0 || (atEnd.Count == 1 && faults[^1] == atEnd[0] && atEnd[0].Step == totalSteps - 1));
        }
    }

    [Fact]
    public void Kinds_AreStruckAsOftenAsOneAnother_AndInAllTheirWays()
    {
        var faults = FaultPlan.Create(3, 50, all, 1000, Phases(1), checkpointEvery: 5).Faults;
        Assert.Equal(all, faults.Select(fault => fault.Kind).Distinct().Order());
        Assert.All(faults.Where(fault => fault.Kind != FaultKind.DiskFullAtEnd).CountBy(fault => fault.Kind), kind => Assert.InRange(kind.Value, 49 / (all.Length - 1), 49 / (all.Length - 1) + 1));
        foreach (var kind in new[] { FaultKind.Stop, FaultKind.Cut })
        {
            Assert.Equal(2, faults.Where(fault => fault.Kind == kind).Select(fault => fault.Duration).Distinct().Count());
        }
        foreach (var kind in new[] { FaultKind.Cut, FaultKind.Disk, FaultKind.Redis, FaultKind.Kill })
        {
            Assert.Equal(2, faults.Where(fault => fault.Kind == kind).Select(fault => fault.OtherWay).Distinct().Count());
        }
        Assert.Equal(faults.Count(fault => fault.Kind == FaultKind.Flip), faults.Select(fault => fault.Bit).Where(bit => bit > 0).Distinct().Count());
    }

    [Fact]
    public void KillsOfCheckpoints_StrikeWhereOneIsDue_OrAreOrdinaryOnes()
    {
        var kills = FaultPlan.Create(2, 20, [FaultKind.Kill], 1000, Phases(1), checkpointEvery: 10).Faults;
        Assert.InRange(kills.Count(kill => kill.StrikesCheckpoint), 9, 11);
        Assert.All(kills.Where(kill => kill.StrikesCheckpoint), kill => Assert.Equal(0, (kill.Step + 1) % 10));
        Assert.DoesNotContain(FaultPlan.Create(2, 20, [FaultKind.Kill], 1000, Phases(1), checkpointEvery: 400).Faults, kill => kill.StrikesCheckpoint && (kill.Step + 1) % 400 != 0);
        Assert.DoesNotContain(FaultPlan.Create(2, 20, [FaultKind.Kill], 1000, Phases(1)).Faults, kill => kill.StrikesCheckpoint);
    }

    [Fact]
    public void SecondFaults_AreKillsThatWereAskedFor_AndFollowAThirdOfThoseThatCanHaveOne()
    {
        var faults = FaultPlan.Create(5, 50, all, 1000, Phases(1), checkpointEvery: 5).Faults;
        Assert.InRange(faults.Count(fault => fault.Second is not null), 10, 17);
        Assert.Equal([FaultKind.Kill, FaultKind.Coordinator], faults.Select(fault => fault.Second?.Kind).OfType<FaultKind>().Distinct().Order());
        Assert.All(faults.Where(fault => fault.StrikesCheckpoint || fault.Kind is FaultKind.RedisLost or FaultKind.DiskFullAtEnd), fault => Assert.Null(fault.Second));
        Assert.All(FaultPlan.Create(5, 50, [FaultKind.Stop, FaultKind.Slow], 1000, Phases(1)).Faults, fault => Assert.Null(fault.Second));
        Assert.All(FaultPlan.Create(5, 50, all, 1000, Phases(1), overlap: false).Faults, fault => Assert.Null(fault.Second));
    }

    [Fact]
    public void LeastAfterFlip_IsTheWayToTheNextFault_OrToTheEnd()
    {
        var plan = new FaultPlan(1, [Flip(10), Flip(25), Flip(33)]);
        Assert.Equal(7, plan.LeastAfterFlip(40));
        Assert.Equal(8, plan.LeastAfterFlip(100));
        Assert.Null(new FaultPlan(1, []).LeastAfterFlip(40));
        static Fault Flip(long step) => new(FaultKind.Flip, step, 0, 0, TimeSpan.Zero, false);
    }

    [Fact]
    public void Plan_WithMoreFaultsThanTheStepsOrKindsHaveRoomFor_IsRefused()
    {
        Assert.Equal(48, FaultPlan.MostFaults(100));
        Assert.Throws<ArgumentOutOfRangeException>(() => FaultPlan.Create(1, 49, all, 100, Phases(1)));
        Assert.Throws<ArgumentOutOfRangeException>(() => FaultPlan.Create(1, 0, all, 100, Phases(1)));
        Assert.Throws<ArgumentOutOfRangeException>(() => FaultPlan.Create(1, 2, [FaultKind.DiskFullAtEnd], 100, Phases(1)));
    }

    private static Func<long, IReadOnlyList<int>> Phases(int count) => _ => [.. Enumerable.Range(0, count)];
}

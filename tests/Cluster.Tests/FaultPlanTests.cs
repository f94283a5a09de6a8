using Granary.Silo.Faults;

namespace Granary.Cluster.Tests;

public class FaultPlanTests
{
    private static readonly FaultKind[] all = Enum.GetValues<FaultKind>();

    [Fact]
    public void Plan_OfTheSameNumbers_IsTheSame()
    {
        var plan = FaultPlan.Create(7, 50, all, 1000, 2);
        Assert.Equal(plan.Faults, FaultPlan.Create(7, 50, [.. all.Reverse()], 1000, 2).Faults);
        Assert.NotEqual(plan.Faults, FaultPlan.Create(8, 50, all, 1000, 2).Faults);
    }

    /// <summary>Whoever repeats a plan of last year gets that plan: a change of this list is a change of every plan.</summary>
    [Fact]
    public void Plan_OfSeedOne_IsThisOne() => Assert.Equal(
        ["Kill 8/0", "Slow 26/1", "Cut 67/1", "Stop 89/0"],
        FaultPlan.Create(1, 4, [FaultKind.Kill, FaultKind.Stop, FaultKind.Cut, FaultKind.Slow], 100, 2).Faults.Select(fault => $"{fault.Kind} {fault.Step}/{fault.Phase}"));

    [Theory]
    [InlineData(1, 6)]
    [InlineData(5, 100)]
    [InlineData(50, 104)]
    [InlineData(50, 100_000)]
    public void Faults_RiseWithAStepBetweenThem_AndLeaveRoomAtBothEnds(int count, long totalSteps)
    {
        for (var seed = 0UL; seed < 200; seed++)
        {
            var faults = FaultPlan.Create(seed, count, all, totalSteps, 3).Faults;
            Assert.Equal(count, faults.Count);
            Assert.All(faults, fault => Assert.InRange(fault.Step, FaultPlan.FreeSteps, totalSteps - FaultPlan.FreeSteps - 1));
            Assert.All(faults, fault => Assert.InRange(fault.Phase, 0, 2));
            Assert.All(faults.Zip(faults.Skip(1)), pair => Assert.True(pair.Second.Step >= pair.First.Step + 2));
        }
    }

    [Fact]
    public void Kinds_AreStruckAsOftenAsOneAnother_AndInAllTheirWays()
    {
        var faults = FaultPlan.Create(3, 50, all, 1000, 1).Faults;
        Assert.Equal(all, faults.Select(fault => fault.Kind).Distinct().Order());
        Assert.All(faults.CountBy(fault => fault.Kind), kind => Assert.InRange(kind.Value, 50 / all.Length, 50 / all.Length + 1));
        foreach (var kind in new[] { FaultKind.Stop, FaultKind.Cut })
        {
            Assert.Equal(2, faults.Where(fault => fault.Kind == kind).Select(fault => fault.Duration).Distinct().Count());
        }
        foreach (var kind in new[] { FaultKind.Cut, FaultKind.Disk, FaultKind.Redis })
        {
            Assert.Equal(2, faults.Where(fault => fault.Kind == kind).Select(fault => fault.OtherWay).Distinct().Count());
        }
    }

    [Fact]
    public void Plan_WithMoreFaultsThanTheStepsHaveRoomFor_IsRefused()
    {
        Assert.Equal(48, FaultPlan.MostFaults(100));
        Assert.Throws<ArgumentOutOfRangeException>(() => FaultPlan.Create(1, 49, all, 100, 1));
        Assert.Throws<ArgumentOutOfRangeException>(() => FaultPlan.Create(1, 0, all, 100, 1));
    }
}

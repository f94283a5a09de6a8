using Xunit.Abstractions;

namespace Granary.Grains.Tests.Simulation;

public sealed class ProtocolSimulationTests(ITestOutputHelper output)
{
    private const int Schedules = 2000;
    private const string NoEnd = "does not end";

    [Fact]
    public void Protocol_UnderAnySchedule_EndsWithTheOneTrueState() => Assert.Null(FirstViolation(() => new RealFence(), Invariants.All));

    [Theory]
    [InlineData(true, false, false, nameof(Invariants.Rounds))]
    [InlineData(false, true, false, nameof(Invariants.Rounds))]
    [InlineData(false, false, true, nameof(Invariants.Rounds))]
    [InlineData(false, true, false, nameof(Invariants.Exchanges))]
    [InlineData(true, true, true, nameof(Invariants.States))]
    public void Protocol_WithAHoleInTheFence_IsFoundOut(bool entersAny, bool obeysAny, bool leavesAny, string watched)
    {
        var violation = FirstViolation(() => new BrokenFence(entersAny, obeysAny, leavesAny), Enum.Parse<Invariants>(watched));
        Assert.NotNull(violation);
        Assert.DoesNotContain(NoEnd, violation);
    }

    private string? FirstViolation(Func<IFence> fence, Invariants watched)
    {
        for (var seed = 0; seed < Schedules; seed++)
        {
            try
            {
                new SimulatedCluster(seed, fence, watched).Run();
            }
            catch (ProtocolViolation violation)
            {
                // Once more, for the story that led there.
                Assert.Throws<ProtocolViolation>(new SimulatedCluster(seed, fence, watched) { Trace = output.WriteLine }.Run);
                return $"Seed {seed}: {violation.Message}.";
            }
        }
        return null;
    }
}

using Granary.Contracts;
using static Granary.Contracts.RunState;

namespace Granary.Grains.Tests;

public sealed class RunStateRulesTests
{
    public static TheoryData<RunState, RunState[]> Followers => new()
    {
        { Queued, [Starting, Recovering, Stopping, Failed] },
        { Starting, [Queued, Running, Recovering, Stopping, Failed] },
        { Running, [Recovering, Stopping, Succeeded, Failed] },
        { Recovering, [Queued, Running, Stopping, Failed] },
        { Stopping, [Running, Recovering, Paused, Succeeded, Failed, Cancelled] },
        { Paused, [Queued, Cancelled] },
        { Succeeded, [] },
        { Failed, [] },
        { Cancelled, [] },
    };

    [Theory]
    [MemberData(nameof(Followers))]
    public void State_OfARun_IsFollowedByTheseAndItselfOnly(RunState state, RunState[] followers) =>
        Assert.Equal(Enum.GetValues<RunState>().Where(next => next == state || followers.Contains(next)), Enum.GetValues<RunState>().Where(next => state.CanBecome(next)));

    [Fact]
    public void State_ThatHasEnded_IsWhatTheStatusCallsEnded() => Assert.All(
        Enum.GetValues<RunState>(),
        state => Assert.Equal(new RunStatus { Spec = null!, State = state }.HasEnded, state.HasEnded()));

    [Fact]
    public void State_ThatHasNotEnded_CanComeToEveryEnd() => Assert.All(
        Enum.GetValues<RunState>().Where(state => !state.HasEnded() && state != Paused),
        state => Assert.All([Succeeded, Failed, Cancelled], end => Assert.True(Reaches(state, end), $"{state} never becomes {end}")));

    private static bool Reaches(RunState from, RunState to)
    {
        HashSet<RunState> seen = [from];
        while (Enum.GetValues<RunState>().FirstOrDefault(next => !seen.Contains(next) && seen.Any(state => state.CanBecome(next)), from) is var next && next != from)
        {
            seen.Add(next);
        }
        return seen.Contains(to);
    }
}

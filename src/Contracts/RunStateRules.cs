namespace Granary.Contracts;

/// <summary>Which state of a run may follow which.</summary>
public static class RunStateRules
{
    /// <summary>Whether a run in this state has ended for good: no other state follows.</summary>
    public static bool HasEnded(this RunState state) => state is RunState.Succeeded or RunState.Failed or RunState.Cancelled;

    /// <summary>Whether the run may go from the one state to the other; it may always stay in a state, for a new reason.</summary>
    public static bool CanBecome(this RunState from, RunState to) => from == to || from switch
    {
        // A run that lost all its slots is queued again, and its next round recovers what it had.
        RunState.Queued => to is RunState.Starting or RunState.Recovering or RunState.Stopping or RunState.Failed,
        RunState.Starting => to is RunState.Running or RunState.Recovering or RunState.Queued or RunState.Stopping or RunState.Failed,
        RunState.Running => to is RunState.Recovering or RunState.Stopping or RunState.Succeeded or RunState.Failed,
        RunState.Recovering => to is RunState.Running or RunState.Queued or RunState.Stopping or RunState.Failed,

        // To Running again: it stopped only to let the set of workers change.
        RunState.Stopping => to is RunState.Paused or RunState.Running or RunState.Recovering || to.HasEnded(),
        RunState.Paused => to is RunState.Queued or RunState.Cancelled,
        _ => false,
    };
}

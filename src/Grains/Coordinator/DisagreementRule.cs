using Granary.Contracts;
using Granary.Training.Loop;

namespace Granary.Grains.Coordinator;

/// <summary>Whether workers that stand at one place have one state. Pure functions.</summary>
internal static class DisagreementRule
{
    /// <summary>After this many times in a row, without a step beyond the place of the last, a machine must be broken, and the run is given up.</summary>
    public const int Times = 3;

    /// <param name="furthest">Where the round would begin: only states of that place are copied.</param>
    /// <returns>The workers, by number, without the most common state; empty: no state is the most common; <see langword="null"/>: nobody differs.</returns>
    public static IReadOnlyList<int>? Find(IReadOnlyList<PrepareReply> replies, Position furthest)
    {
        var states = replies
            .Select((reply, worker) => (reply, worker))
            .Where(one => one.reply is { Step: { } step, Digest: not null } && new Position(step, one.reply.Phase) == furthest)
            .Select(one => (one.worker, State: one.reply.Digest!.Value))
            .ToList();
        return StateComparison.Odd(states) ?? (replies.Any(reply => reply.Differs) ? [] : null);
    }
}

using Granary.Contracts;
using Granary.Training.Shards;

namespace Granary.Grains.Coordinator;

/// <summary>Who trains what, and from where. Pure functions.</summary>
internal static class RoundPlanner
{
    /// <summary>Contiguous, even shard ranges over the slots, in their order; at most as many slots as shards are used.</summary>
    public static RoundPlan Plan(RunSpec spec, long number, Guid secret, IReadOnlyList<SlotInfo> slots)
    {
        var ranges = ShardRange.Split(spec.Shards, Math.Min(slots.Count, spec.Shards));
        return new(spec, number, secret, [.. ranges.Select((range, worker) => new WorkerAssignment(slots[worker], range.Start, range.End))]);
    }

    /// <summary>
    /// Where a round begins: where all replicas stand, if they agree and no checkpoint is further; else at the newest
    /// checkpoint, or at step 0 if there is none. A step being a pure function, the bits are the same in either case.
    /// </summary>
    public static StartPoint Start(IReadOnlyCollection<PrepareReply> replies)
    {
        var checkpoint = replies.Max(reply => reply.CheckpointStep) ?? 0;
        var positions = replies.Select(reply => reply.Step).Distinct().ToList();
        return positions is [{ } common] && common >= checkpoint ? new(common, Restore: false) : new(checkpoint, Restore: true);
    }
}

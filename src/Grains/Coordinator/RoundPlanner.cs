using Granary.Contracts;
using Granary.Training.Loop;
using Granary.Training.Runs;
using Granary.Training.Shards;

namespace Granary.Grains.Coordinator;

/// <summary>Who trains what, and from where. Pure functions.</summary>
internal static class RoundPlanner
{
    /// <summary>Contiguous shard ranges over the slots, in their order; at most as many slots as shards are used.</summary>
    /// <param name="shares">How many shards each slot gets. Default, or if there are not as many shares as slots: an even split.</param>
    public static RoundPlan Plan(RunSpec spec, long number, Guid secret, IReadOnlyList<SlotInfo> slots, IReadOnlyList<int>? shares = null)
    {
        var ranges = shares?.Count == slots.Count ? ShardRange.Split(shares) : ShardRange.Split(spec.Shards, Math.Min(slots.Count, spec.Shards));
        return new(spec, number, secret, [.. ranges.Select((range, worker) => new WorkerAssignment(slots[worker], range.Start, range.End))]);
    }

    /// <summary>
    /// Where a round begins: where the furthest replica stands, whose state the others copy. Only if a checkpoint is further
    /// than all, or nobody has made a step yet, do they load it (or start anew). A step being a pure function, the
    /// bits are the same in either case.
    /// </summary>
    /// <param name="positions">Of the workers, in order; <see langword="null"/>: its state is no good.</param>
    /// <param name="checkpoint">Step of the newest whole checkpoint; 0: none.</param>
    public static StartPoint Start(IReadOnlyList<Position?> positions, long checkpoint)
    {
        var furthest = positions.Max() ?? new Position(0);
        var start = furthest.CompareTo(new(checkpoint)) < 0 ? new(checkpoint) : furthest;
        var behind = Enumerable.Range(0, positions.Count).Where(worker => positions[worker] != start).ToList();
        var source = Enumerable.Range(0, positions.Count).Except(behind).Select(worker => (int?)worker).FirstOrDefault();
        return new(start.Step, start.Phase, start == new Position(0) ? null : source, behind);
    }
}

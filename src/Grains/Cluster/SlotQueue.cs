using Granary.Contracts;
using Granary.Training.Tasks;

namespace Granary.Grains.Cluster;

/// <summary>What a run that wants slots, or has some, lays claim to.</summary>
/// <param name="Arrival">Of two runs of one priority, the lower comes first.</param>
/// <param name="Minimum">Fewest slots it starts with. Once started it goes on with any number.</param>
/// <param name="Wanted">Most slots it can use, at least 1.</param>
/// <param name="Held">Keys of the slots it was given before, whether or not they are still there.</param>
[GenerateSerializer, Immutable]
public sealed record SlotClaim(
    [property: Id(0)] string RunId,
    [property: Id(1)] long Arrival,
    [property: Id(2)] int Priority,
    [property: Id(3)] int Minimum,
    [property: Id(4)] int Wanted,
    [property: Id(5)] List<string> Held,
    [property: Id(6)] bool Started)
{
    /// <summary>Whether the cluster has enough nodes of the run's versions: if not, nobody waits behind the run. Default: yes.</summary>
    [Id(7)]
    public bool CanBeServed { get; init; } = true;

    /// <summary>The kind of device that its slots must be on. Default: any.</summary>
    [Id(8)]
    public string Device { get; init; } = DeviceName.Any;

    /// <summary>Fewest slots it can use now.</summary>
    public int Needed => Started ? 1 : Math.Min(Minimum, Wanted);
}

/// <summary>All slots a run has from now on (those it had that are not among them are given back), and why.</summary>
internal readonly record struct SlotGrant(IReadOnlyList<SlotInfo> Slots, string Reason);

/// <summary>
/// Who gets slots of those on the device that a run wants: first come, first served within a priority. A run waits while it has fewer slots than it needs. Nobody
/// overtakes a run that waits, unless the cluster is too small for it; nobody is driven out of a slot. Pure functions.
/// </summary>
internal static class SlotQueue
{
    /// <param name="runs">All that want or hold slots, in any order.</param>
    /// <param name="alive">The slots of all nodes that are up.</param>
    public static SlotGrant Grant(IReadOnlyCollection<SlotClaim> runs, IReadOnlyCollection<SlotInfo> alive, string runId)
    {
        var run = runs.Single(one => one.RunId == runId);
        var open = alive.Where(slot => !slot.Node.Draining).ToList();
        var usable = UsableBy(run, open);
        var kept = Kept(run, usable);
        var held = runs.SelectMany(one => one.Held).ToHashSet();
        var free = usable.Where(slot => !held.Contains(slot.Key)).ToList();
        var waiting = runs
            .Where(one => one != run && one.CanBeServed && IsOfLikeNeed(one, run) && UsableBy(one, open) is var theirs && one.Needed <= theirs.Count && Kept(one, theirs).Count < one.Needed)
            .OrderByDescending(one => one.Priority)
            .ThenBy(one => one.Arrival)
            .ToList();
        if (kept.Count >= run.Needed)
        {
            var spare = Math.Max(free.Count - waiting.Sum(one => one.Wanted), 0);
            return Give(run, kept, Choose(run, free, Math.Min(spare, run.Wanted - kept.Count)));
        }
        if (run.Needed > usable.Count)
        {
            return new([], $"Waits for {Slots(run.Needed, Kind(run, open))}: the cluster has {usable.Count}.");
        }
        if (waiting.FirstOrDefault(other => (-other.Priority, other.Arrival).CompareTo((-run.Priority, run.Arrival)) < 0) is { } before)
        {
            return new([], $"Waits behind run '{before.RunId}'.");
        }
        var more = Choose(run, free, run.Wanted - kept.Count);
        var there = kept.Count + more.Count;
        return there >= run.Needed
            ? Give(run, kept, more)
            : new([], $"Waits for {Slots(run.Needed, $"free {Kind(run, open)}")}: {there} {(there == 1 ? "is" : "are")} free.");
    }

    private static bool Fits(SlotClaim run, SlotInfo slot) => run.Device == DeviceName.Any || DeviceName.KindOf(slot.Device) == run.Device;

    /// <summary>Whether what the one waits for could go to the other: runs of different devices do not stand in one line.</summary>
    private static bool IsOfLikeNeed(SlotClaim one, SlotClaim other) => one.Device == other.Device || one.Device == DeviceName.Any || other.Device == DeviceName.Any;

    private static List<SlotInfo> UsableBy(SlotClaim run, List<SlotInfo> open) => [.. open.Where(slot => Fits(run, slot))];

    /// <summary>A run that computes on the processor wherever it is leaves GPUs to others as long as it can.</summary>
    private static List<SlotInfo> Choose(SlotClaim run, List<SlotInfo> free, int count)
    {
        var first = SlotChoice.Spread(free.Where(slot => run.Device != DeviceName.Any || slot.Device == DeviceName.Cpu), count);
        return [.. first, .. SlotChoice.Spread(free.Except(first), count - first.Count)];
    }

    /// <summary>The kind of slots, where there are others, too.</summary>
    private static string Kind(SlotClaim run, List<SlotInfo> open) =>
        run.Device == DeviceName.Any || (run.Device == DeviceName.Cpu && open.All(slot => Fits(run, slot))) ? "" : $"{run.Device} ";

    private static List<SlotInfo> Kept(SlotClaim run, List<SlotInfo> usable) => SlotChoice.Spread(usable.Where(slot => run.Held.Contains(slot.Key)), run.Wanted);

    private static SlotGrant Give(SlotClaim run, List<SlotInfo> kept, List<SlotInfo> more)
    {
        var slots = SlotChoice.Spread([.. kept, .. more], run.Wanted);
        return new(slots, $"Has {slots.Count} of {Slots(run.Wanted)}.");
    }

    private static string Slots(int count, string which = "") => $"{count} {which}slot{(count == 1 ? "" : "s")}";
}

using Granary.Contracts;

namespace Granary.Grains.Coordinator;

/// <summary>Workers lost at one time, with what they computed then.</summary>
/// <param name="Step">Steps committed when they were lost.</param>
/// <param name="Shards">All that were theirs.</param>
[GenerateSerializer, Immutable]
public sealed record WorkerLoss([property: Id(0)] long Step, [property: Id(1)] List<int> Shards, [property: Id(2)] List<string> Slots)
{
    /// <summary>Workers lost together, such as all of one silo, are one loss: whichever of them computed the shard that did it, all are gone.</summary>
    public static WorkerLoss Of(long step, IReadOnlyCollection<WorkerAssignment> lost) => new(
        step,
        [.. lost.SelectMany(worker => Enumerable.Range(worker.ShardStart, worker.ShardEnd - worker.ShardStart))],
        [.. lost.Select(worker => worker.Slot.Key)]);
}

/// <summary>The losses of a run since it last got on: all at one step. Immutable.</summary>
[GenerateSerializer, Immutable]
public sealed record LossHistory([property: Id(0)] List<WorkerLoss> Losses)
{
    public static LossHistory None { get; } = new([]);

    /// <summary>With one more loss. If it happened at another step than those before, the run had got on in between, and they are forgotten.</summary>
    public LossHistory After(WorkerLoss loss) => new(Losses is [.., var last] && last.Step == loss.Step ? [.. Losses, loss] : [loss]);

    /// <summary>Forgets the losses once more steps are committed than at the last of them; not while the run only makes up for lost steps.</summary>
    public LossHistory AfterStep(long committed) => Losses is [.., var last] && committed > last.Step ? None : this;
}

/// <summary>Whether the run goes on after a loss.</summary>
internal readonly record struct RetryDecision(bool GoOn, string Reason);

/// <summary>
/// A worker that dies is nobody's fault, and the next round does without it. But if one after the other dies at the same
/// step over the same shard, then the shard kills them, and it would take the whole cluster down. Pure functions.
/// </summary>
internal static class RetryRule
{
    /// <summary>After so many losses in a row at one step, with a shard in common, the run is given up.</summary>
    public const int Losses = 3;

    public static RetryDecision Decide(LossHistory history)
    {
        var last = history.Losses.TakeLast(Losses).ToList();
        if (last.Count < Losses)
        {
            return new(true, $"{last.Count} of {Losses} losses in a row without a step between them.");
        }
        if (last.Any(loss => loss.Step != last[0].Step))
        {
            return new(true, $"The last {Losses} losses were at different steps.");
        }
        var common = last.Skip(1).Aggregate(last[0].Shards.AsEnumerable(), (shards, loss) => shards.Intersect(loss.Shards)).Order().ToList();
        if (common.Count == 0)
        {
            return new(true, $"The last {Losses} losses at step {last[0].Step} have no shard in common.");
        }
        var slots = last.SelectMany(loss => loss.Slots).ToList();
        var (what, they) = common.Count == 1 ? ($"Shard {common[0]} was", "it is") : ($"Shards {Ranges(common)} were", "they are");
        return new(false, $"{what} being computed when {slots.Count} workers in a row were lost at step {last[0].Step} ({string.Join(", ", slots)}): {they} not tried again.");
    }

    private static string Ranges(List<int> shards)
    {
        var starts = shards.Where(shard => !shards.Contains(shard - 1));
        var ends = shards.Where(shard => !shards.Contains(shard + 1));
        return string.Join(", ", starts.Zip(ends, (start, end) => $"[{start}, {end + 1})"));
    }
}

using Granary.Contracts;
using Granary.Grains.Telemetry;

namespace Granary.Grains.Coordinator;

/// <summary>What <see cref="PaceWatch"/> has seen.</summary>
/// <param name="Stragglers">Workers that straggle for a while, a sentence each; each is named once a round.</param>
/// <param name="Replan">Why to spread the shards anew, and how many each worker should have; <see langword="null"/>: it is not worth a new round.</param>
internal sealed record PaceVerdict(IReadOnlyList<string> Stragglers, ReplanDecision? Replan);

/// <summary>Watches for workers that stay slower than the others for a while, as any may be slower for a moment. No bit depends on it.</summary>
internal sealed class PaceWatch(TrainingInstruments instruments, TimeProvider time)
{
    private static readonly TimeSpan SlowFor = TimeSpan.FromSeconds(3);
    private readonly Dictionary<(string Slot, long Round), DateTimeOffset> straggling = [];
    private readonly HashSet<(string Slot, long Round)> named = [];
    private readonly Dictionary<string, RunSeries.Holder> scores = [];
    private DateTimeOffset? slowSince;

    public PaceVerdict Look(RoundInProgress current)
    {
        var plan = current.Plan;
        var paces = PacesOf(current);
        foreach (var (score, worker) in StragglerRule.Scores(paces).Select((score, worker) => (score, worker)))
        {
            if (!scores.TryGetValue(paces[worker].Slot, out var told))
            {
                scores.Add(paces[worker].Slot, told = instruments.Runs.Begin(new("slot", paces[worker].Slot), new("run.id", plan.Spec.RunId)));
            }
            told[RunGauge.StragglerScore] = score;
        }
        return new(Name(StragglerRule.Stragglers(paces).ToDictionary(straggler => (paces[straggler.Worker].Slot, plan.Number), straggler => straggler.Reason)), Replan(paces));
    }

    /// <summary>The round is over: nobody is slower than others.</summary>
    public void EndRound()
    {
        foreach (var score in scores.Values)
        {
            score.Dispose();
        }
        scores.Clear();
    }

    /// <summary>How the round's workers fare, for people.</summary>
    public static List<WorkerStatus> StatusOf(RoundInProgress current)
    {
        var paces = PacesOf(current);
        return
        [
            .. current.Plan.Workers.Zip(paces, StragglerRule.Scores(paces)).Select(one => new WorkerStatus(one.First.Slot.Key, one.First.Slot.Node.Name, one.First.Slot.Device, one.First.ShardStart, one.First.ShardEnd)
            {
                ComputePerShard = one.Second.IsKnown ? one.Second.PerShard : null,
                StragglerScore = one.Second.IsKnown ? one.Third : null,
            }),
        ];
    }

    private static List<WorkerPace> PacesOf(RoundInProgress current) =>
        [.. current.Plan.Workers.Select((worker, index) => new WorkerPace(worker.Slot.Key, worker.ShardEnd - worker.ShardStart, current.ComputePerShard[index]))];

    private List<string> Name(Dictionary<(string Slot, long Round), string> stragglers)
    {
        foreach (var quick in straggling.Keys.Except(stragglers.Keys).ToList())
        {
            straggling.Remove(quick);
        }
        foreach (var key in stragglers.Keys)
        {
            straggling.TryAdd(key, time.GetUtcNow());
        }
        return [.. stragglers.Where(straggler => time.GetUtcNow() - straggling[straggler.Key] >= SlowFor && named.Add(straggler.Key)).Select(straggler => straggler.Value)];
    }

    private ReplanDecision? Replan(List<WorkerPace> paces)
    {
        var decision = StragglerRule.ShouldReplan(paces);
        slowSince = decision.Replan ? slowSince ?? time.GetUtcNow() : null;
        if (slowSince is null || time.GetUtcNow() - slowSince < SlowFor)
        {
            return null;
        }
        slowSince = null;
        return decision;
    }
}

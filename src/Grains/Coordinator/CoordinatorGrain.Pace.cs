using Granary.Contracts;

namespace Granary.Grains.Coordinator;

/// <summary>Workers that are slower than the others.</summary>
internal sealed partial class CoordinatorGrain
{
    private static readonly TimeSpan SlowFor = TimeSpan.FromSeconds(3);
    private readonly Dictionary<(string Slot, long Round), DateTimeOffset> straggling = [];
    private readonly HashSet<(string Slot, long Round)> named = [];
    private DateTimeOffset? slowSince;

    /// <summary>
    /// Names those that straggle for a while, once a round. Answers with how many shards each worker should have, if it has been worth a new round
    /// for a while; else with <see langword="null"/>. No bit depends on it.
    /// </summary>
    private IReadOnlyList<int>? SharesByPace(RoundInProgress current)
    {
        var plan = current.Plan;
        var paces = plan.Workers.Select((worker, index) => new WorkerPace(worker.Slot.Key, worker.ShardEnd - worker.ShardStart, current.ComputePerShard[index])).ToList();
        foreach (var (score, worker) in StragglerRule.Scores(paces).Select((score, worker) => (score, worker)))
        {
            instruments.Paced(paces[worker].Slot, RunId, score);
        }
        var stragglers = StragglerRule.Stragglers(paces).ToDictionary(straggler => (paces[straggler.Worker].Slot, plan.Number));
        foreach (var quick in straggling.Keys.Except(stragglers.Keys).ToList())
        {
            straggling.Remove(quick);
        }
        foreach (var (key, straggler) in stragglers)
        {
            straggling.TryAdd(key, time.GetUtcNow());
            if (time.GetUtcNow() - straggling[key] >= SlowFor && named.Add(key))
            {
                LogStraggler(RunId, straggler.Reason);
                events.Add($"{straggler.Reason}.", Status);
            }
        }
        var decision = StragglerRule.ShouldReplan(paces);
        slowSince = decision.Replan ? slowSince ?? time.GetUtcNow() : null;
        if (slowSince is null || time.GetUtcNow() - slowSince < SlowFor)
        {
            return null;
        }
        slowSince = null;
        LogReplanned(RunId, decision.Reason);
        events.Add(decision.Reason, Status);
        return decision.Shares;
    }
}

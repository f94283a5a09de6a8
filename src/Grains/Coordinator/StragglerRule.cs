using Granary.Training.Shards;

namespace Granary.Grains.Coordinator;

/// <summary>How a worker fares in a round.</summary>
/// <param name="Slot">The worker's slot, such as <c>silo-1/0</c>.</param>
/// <param name="PerShard">How long it has lately computed on one shard; zero: not known yet.</param>
internal readonly record struct WorkerPace(string Slot, int Shards, TimeSpan PerShard)
{
    public bool IsKnown => PerShard > TimeSpan.Zero;
}

/// <summary>A worker much slower than the others.</summary>
internal readonly record struct Straggler(int Worker, string Reason);

/// <summary>Whether to spread the shards anew.</summary>
/// <param name="Shares">How many shards each worker should have.</param>
internal readonly record struct ReplanDecision(bool Replan, string Reason, IReadOnlyList<int> Shares);

/// <summary>
/// Who is slow, and how many shards each worker should have so that none waits long for another. A slow worker is given
/// less to do, never nothing. Pure functions.
/// </summary>
internal static class StragglerRule
{
    /// <summary>From this score on a worker is a straggler.</summary>
    public const double StragglerScore = 2;

    /// <summary>A new round costs time: the step must become this much shorter to be worth it.</summary>
    public const double WorthwhileGain = 0.25;

    /// <summary>For each worker its time for a shard over the median of the others': 1 is normal, and stands for a time that is not known.</summary>
    public static IReadOnlyList<double> Scores(IReadOnlyList<WorkerPace> workers) => [.. workers.Select((worker, index) =>
    {
        var others = workers.Where((other, at) => at != index && other.IsKnown).Select(other => other.PerShard.Ticks).Order().ToList();
        return worker.IsKnown && others.Count > 0 ? worker.PerShard.Ticks / Median(others) : 1;
    })];

    public static IReadOnlyList<Straggler> Stragglers(IReadOnlyList<WorkerPace> workers) =>
    [
        .. Scores(workers)
            .Select((score, worker) => (score, worker))
            .Where(one => one.score >= StragglerScore)
            .Select(one => new Straggler(one.worker, $"{workers[one.worker].Slot} takes {one.score:0.0} times as long for a shard as the others")),
    ];

    /// <summary>
    /// How many shards each worker gets so that the slowest is done as early as can be; of the ways to do that, the most even
    /// one. Every worker gets one at least. A worker whose time is not known is taken for an average one.
    /// </summary>
    public static IReadOnlyList<int> Shares(int shards, IReadOnlyList<TimeSpan> perShard)
    {
        var even = ShardRange.Split(shards, perShard.Count).Select(range => range.Count).ToArray();
        var known = perShard.Where(time => time > TimeSpan.Zero).Select(time => time.Ticks).Order().ToList();
        if (known.Count == 0)
        {
            return even;
        }
        var times = perShard.Select(time => time > TimeSpan.Zero ? time.Ticks : (long)Median(known)).ToArray();
        var limit = LeastStepTime(shards, times);
        var most = times.Select(time => limit / time).ToArray();
        var shares = even.Select((count, worker) => (int)Math.Min(count, most[worker])).ToArray();
        for (var left = shards - shares.Sum(); left > 0; left--)
        {
            shares[Enumerable.Range(0, shares.Length).Where(worker => shares[worker] < most[worker]).MinBy(worker => (shares[worker], times[worker]))]++;
        }
        return shares;
    }

    /// <summary>How long the workers' computing takes in a step: as long as the slowest one's.</summary>
    public static TimeSpan StepTime(IEnumerable<int> shares, IReadOnlyList<TimeSpan> perShard) => shares.Select((count, worker) => count * perShard[worker]).Max();

    /// <summary>Whether the shards, spread by how fast the workers are, would make the step so much shorter that it is worth a new round.</summary>
    public static ReplanDecision ShouldReplan(IReadOnlyList<WorkerPace> workers)
    {
        var present = workers.Select(worker => worker.Shards).ToList();
        if (workers.FirstOrDefault(worker => !worker.IsKnown) is { Slot: { } unknown })
        {
            return new(false, $"It is not known yet how long {unknown} takes for a shard.", present);
        }
        var times = workers.Select(worker => worker.PerShard).ToList();
        var shares = Shares(present.Sum(), times);
        var (now, then) = (StepTime(present, times), StepTime(shares, times));
        var reason = $"Computing would take {then.TotalMilliseconds:0.#} ms a step instead of {now.TotalMilliseconds:0.#} ms (shards: {string.Join(", ", workers.Select((worker, index) => $"{shares[index]} in {worker.Slot}"))}).";
        return then <= now * (1 - WorthwhileGain) ? new(true, reason, shares) : new(false, $"{reason} That is not worth a new round.", present);
    }

    /// <summary>Each begins with one shard; the next one always goes to whoever would then be done first: no other way is shorter.</summary>
    private static long LeastStepTime(int shards, long[] times)
    {
        var counts = Enumerable.Repeat(1L, times.Length).ToArray();
        for (var left = shards - times.Length; left > 0; left--)
        {
            counts[Enumerable.Range(0, times.Length).MinBy(worker => (counts[worker] + 1) * times[worker])]++;
        }
        return counts.Select((count, worker) => count * times[worker]).Max();
    }

    private static double Median(List<long> sorted) => (sorted[(sorted.Count - 1) / 2] + sorted[sorted.Count / 2]) / 2.0;
}

using Granary.Contracts;
using Granary.Training.Loop;

namespace Granary.Grains.Tests.Simulation;

/// <summary>One worker's part of a round, from its start to its end.</summary>
internal sealed class SimulatedLoop(SimulatedWorker owner, RoundPlan plan, int index, SimulatedExchange exchange)
{
    public SimulatedWorker Owner { get; } = owner;

    public RoundPlan Plan { get; } = plan;

    public int Index { get; } = index;

    public SimulatedExchange Exchange { get; } = exchange;

    /// <summary>Sums received so far.</summary>
    public int Sums { get; set; }

    public bool Stopping { get; set; }

    public bool Ended { get; set; }
}

internal readonly record struct Contribution(SimulatedLoop From, Position At, ulong State, ulong Sum, bool Stop);

/// <summary>
/// The sums of one round: the n-th of a worker is added to the n-th of all others, and to nothing else. When it breaks, some
/// may have received the newest sum and others not.
/// </summary>
internal sealed class SimulatedExchange(SimulatedCluster cluster, int workers)
{
    private readonly List<Contribution?[]> sums = [];
    private readonly List<SimulatedLoop> joined = [];
    private bool broken;

    public void Join(SimulatedLoop loop) => joined.Add(loop);

    public void Add(Contribution contribution)
    {
        if (broken)
        {
            cluster.Time.After(1, () => contribution.From.Owner.Abort(contribution.From));
            return;
        }
        while (sums.Count <= contribution.From.Sums)
        {
            sums.Add(new Contribution?[workers]);
        }
        var all = sums[contribution.From.Sums];
        all[contribution.From.Index] = contribution;
        if (all.All(one => one is not null))
        {
            Deliver([.. all.Select(one => one!.Value)]);
        }
    }

    /// <summary>Every worker that still takes part hears of it, sooner or later.</summary>
    public void Break()
    {
        if (!broken)
        {
            broken = true;
            foreach (var loop in joined)
            {
                cluster.Time.After(cluster.Time.Any(1, 30), () => loop.Owner.Abort(loop));
            }
        }
    }

    private void Deliver(Contribution[] all)
    {
        cluster.CheckExchange(all);
        var (sum, stop) = (0UL, all.Any(one => one.Stop));
        foreach (var one in all)
        {
            sum += one.Sum;
        }
        foreach (var one in all)
        {
            if (cluster.Faulty && cluster.Time.Chance(0.01))
            {
                Break();
            }
            else
            {
                cluster.Time.After(cluster.Time.Any(1, cluster.Faulty && cluster.Time.Chance(0.05) ? 60 : 4), () => one.From.Owner.Receive(one.From, one.At, sum, stop));
            }
        }
    }
}

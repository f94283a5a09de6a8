using Granary.Contracts;
using Granary.Grains.Coordinator;
using Granary.Training.Loop;

namespace Granary.Grains.Tests.Simulation;

/// <summary>
/// One activation of a run's coordinator, with the real planner. One that was replaced does not know it, and goes on until
/// the storage or a worker refuses it.
/// </summary>
internal sealed class SimulatedCoordinator(SimulatedCluster cluster)
{
    private const int Patience = 250;
    private const int Attention = 50;
    private readonly Dictionary<int, Position?> prepared = [];
    private readonly Dictionary<int, ulong> ended = [];
    private RoundPlan? plan;
    private long round;
    private int version;
    private int started;

    public bool Acting { get; set; } = true;

    public void Begin()
    {
        (version, round, var hasEnded) = (cluster.Record.Version, cluster.Record.Round, cluster.Record.HasEnded);
        if (hasEnded)
        {
            Acting = false;
            return;
        }
        NextRound();
    }

    /// <summary>Whether the report needs no repeating. One of a newer round than this activation knows is for another to hear.</summary>
    public bool TryHear(long of, int worker, ReportKind kind, ulong hash)
    {
        if (!Acting || of > round)
        {
            return false;
        }
        if (plan is { } current && current.Number == of)
        {
            Hear(current, worker, kind, hash);
        }
        return true;
    }

    /// <summary>Ends the round at a step, for the set of workers to change.</summary>
    public void StopRound()
    {
        if (Acting && plan is { } current)
        {
            foreach (var worker in current.Workers)
            {
                cluster.Send(worker.Slot.Key, peer => peer.Stop(current.Number));
            }
        }
    }

    /// <summary>Gives all slots back, wherever the round stands, and goes on from the newest checkpoint.</summary>
    public void StartOver()
    {
        if (Acting && plan is { } current)
        {
            Release(current);
            NextRound();
        }
    }

    private void Hear(RoundPlan current, int worker, ReportKind kind, ulong hash)
    {
        if (kind == ReportKind.Aborted)
        {
            NextRound();
            return;
        }
        ended[worker] = hash;
        if (ended.Count == current.Workers.Count && kind == ReportKind.Stopped)
        {
            NextRound();
        }
        else if (ended.Count == current.Workers.Count)
        {
            plan = null;
            Release(current);
            cluster.Check(Invariants.States, ended.Values.All(cluster.IsFinal), "the run ends with other weights");
            Write(round, hasEnded: true, () => Acting = false);
        }
    }

    private void Release(RoundPlan of)
    {
        foreach (var worker in of.Workers)
        {
            cluster.Send(worker.Slot.Key, peer => peer.Release(of.Number));
        }
    }

    private void NextRound()
    {
        (plan, started) = (null, 0);
        prepared.Clear();
        ended.Clear();
        var slots = cluster.Members();
        if (slots.Count == 0)
        {
            cluster.Time.After(Attention, () => Again(null));
            return;
        }
        Write(round + 1, hasEnded: false, () => Announce(RoundPlanner.Plan(cluster.Spec, round, Guid.NewGuid(), slots)));
    }

    private void Write(long newRound, bool hasEnded, Action written) => cluster.Time.After(cluster.Time.Any(1, 5), () =>
    {
        if (!Acting)
        {
            return;
        }
        if (!cluster.TryWrite(version, newRound, hasEnded))
        {
            Acting = false;
            return;
        }
        (version, round) = (version + 1, newRound);
        written();
    });

    private void Announce(RoundPlan next)
    {
        cluster.CheckPlan(next);
        plan = next;
        for (var i = 0; i < next.Workers.Count; i++)
        {
            var worker = i;
            cluster.Send(next.Workers[worker].Slot.Key, peer => peer.Prepare(next, worker, reply => cluster.Send(this, () => Prepared(next, worker, reply.Fenced, reply.Position))));
        }
        cluster.Time.After(Patience, () =>
        {
            if (started < next.Workers.Count)
            {
                Again(next);
            }
        });
        Attend(next);
    }

    private void Prepared(RoundPlan of, int worker, bool fenced, Position? position)
    {
        if (!Acting || plan != of)
        {
            return;
        }
        if (fenced)
        {
            Acting = false;
            return;
        }
        prepared[worker] = position;
        if (prepared.Count < of.Workers.Count)
        {
            return;
        }
        var start = RoundPlanner.Start([.. prepared.OrderBy(reply => reply.Key).Select(reply => reply.Value)], cluster.NewestCheckpoint);
        cluster.Check(Invariants.Rounds, prepared.Values.All(at => at is null || at.Value.CompareTo(new(start.Step, start.Phase)) <= 0), $"round {of.Number} starts before its furthest worker");
        foreach (var one in of.Workers)
        {
            cluster.Send(one.Slot.Key, peer => peer.Start(of.Number, start, obeyed => cluster.Send(this, () => Started(of, obeyed))));
        }
    }

    private void Started(RoundPlan of, bool obeyed)
    {
        if (!obeyed)
        {
            Again(of);
        }
        else if (plan == of)
        {
            started++;
        }
    }

    /// <summary>Looks now and then whether all workers of the round are still there.</summary>
    private void Attend(RoundPlan of) => cluster.Time.After(Attention, () =>
    {
        if (!Acting || plan != of)
        {
            return;
        }
        var there = cluster.Members().Select(slot => slot.Node.Silo).ToHashSet();
        if (of.Workers.All(worker => there.Contains(worker.Slot.Node.Silo)))
        {
            Attend(of);
        }
        else
        {
            NextRound();
        }
    });

    private void Again(RoundPlan? instead)
    {
        if (Acting && plan == instead)
        {
            NextRound();
        }
    }
}

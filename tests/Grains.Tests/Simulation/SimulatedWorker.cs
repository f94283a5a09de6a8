using Granary.Contracts;
using Granary.Training.Loop;

namespace Granary.Grains.Tests.Simulation;

/// <summary>One life of a slot: what <c>SlotSession</c> does, on virtual time. Only the fence keeps it from obeying old messages.</summary>
internal sealed class SimulatedWorker(SimulatedCluster cluster, SlotInfo slot, IFence fence)
{
    private const int Patience = 150;
    private RoundPlan? plan;
    private int index;
    private SimulatedLoop? loop;
    private bool stop;
    private long newest;
    private Position? applied;

    public SlotInfo Slot { get; } = slot;

    public bool Alive { get; private set; } = true;

    /// <summary><see langword="null"/>: the state is no good.</summary>
    public Position? Position { get; private set; } = new(0);

    public ulong State { get; private set; } = HashChain.Initial;

    public void Prepare(RoundPlan next, int worker, Action<(bool Fenced, Position? Position)> reply)
    {
        if (!fence.TryEnter(next.Number))
        {
            reply((true, null));
            return;
        }
        Obey(next.Number, enters: true);
        cluster.Trace?.Invoke($"{cluster.Time.Now} {Slot.Key} enters round {next.Number} at {Position}");
        loop?.Exchange.Break();
        (plan, index, stop) = (next, worker, false);
        reply((false, Position));
    }

    public void Start(long round, StartPoint start, Action<bool> reply)
    {
        if (!fence.IsCurrent(round) || plan is not { } current)
        {
            reply(false);
            return;
        }
        Obey(round);
        reply(true);
        loop = new(this, current, index, cluster.ExchangeOf(current));
        cluster.Trace?.Invoke($"{cluster.Time.Now} {Slot.Key} starts round {round} at {start}");
        var (at, starting) = (new Position(start.Step, start.Phase), loop);
        starting.Exchange.Join(starting);
        if (!start.Behind.Contains(index))
        {
            Train(starting);
            return;
        }
        Position = null;
        cluster.Time.After(Patience, () => GiveUpCopying(starting));
        if (start.Source is { } source)
        {
            cluster.Send(current.Workers[source].Slot.Key, peer => peer.Copy(current, state => cluster.Send(this, () => Restore(starting, at, state))));
        }
        else
        {
            cluster.Time.After(cluster.Time.Any(1, 20), () => Restore(starting, at, cluster.Checkpoint(at)));
        }
    }

    public void Stop(long round)
    {
        if (fence.IsCurrent(round))
        {
            Obey(round);
            stop = true;
        }
    }

    public void Release(long round)
    {
        if (fence.TryLeave(round))
        {
            Obey(round);
            loop?.Exchange.Break();
            (plan, Position, State, applied) = (null, new(0), HashChain.Initial, null);
        }
    }

    public void Receive(SimulatedLoop from, Position at, ulong sum, bool stopping)
    {
        if (!TakesPart(from))
        {
            return;
        }
        Obey(from.Plan.Number);
        cluster.Check(Invariants.Rounds, at == Position, $"{Slot.Key} stands at {Position} and applies {at}");
        cluster.Check(Invariants.States, applied is null || at.CompareTo(applied.Value) > 0, $"{Slot.Key} applies {at} again");
        (State, applied, Position) = (HashChain.Apply(State, sum), at, HashChain.Next(Position ?? at));
        from.Sums++;
        from.Stopping |= stopping;
        if (Position.Value.Phase == 0 && from.Index == 0 && cluster.Time.Chance(0.3))
        {
            cluster.SaveCheckpoint(Position.Value, State);
        }
        Train(from);
    }

    public void Abort(SimulatedLoop from)
    {
        if (TakesPart(from))
        {
            End(from, ReportKind.Aborted);
        }
    }

    public void Die()
    {
        Alive = false;
        loop?.Exchange.Break();
    }

    private void Copy(RoundPlan of, Action<ulong> reply)
    {
        if (fence.IsCurrent(of.Number) && plan?.Secret == of.Secret && Position is not null)
        {
            reply(State);
        }
    }

    private void Restore(SimulatedLoop starting, Position at, ulong state)
    {
        if (TakesPart(starting) && Position is null)
        {
            Obey(starting.Plan.Number);
            (Position, State, applied) = (at, state, null);
            Train(starting);
        }
    }

    private void GiveUpCopying(SimulatedLoop starting)
    {
        if (Position is null)
        {
            Abort(starting);
        }
    }

    private void Train(SimulatedLoop training)
    {
        if (Position is not { } at)
        {
            return;
        }
        if (at.Step == cluster.Steps || (training.Stopping && at.Phase == 0))
        {
            End(training, at.Step == cluster.Steps ? ReportKind.Finished : ReportKind.Stopped);
            return;
        }
        cluster.Time.After(cluster.Time.Any(1, 5), () => Contribute(training));
    }

    private void Contribute(SimulatedLoop training)
    {
        if (!TakesPart(training) || Position is not { } at)
        {
            return;
        }
        Obey(training.Plan.Number);
        var (mine, sums) = (training.Plan.Workers[training.Index], training.Sums);
        cluster.Time.After(Patience, () =>
        {
            if (training.Sums == sums)
            {
                Abort(training);
            }
        });
        training.Exchange.Add(new(training, at, State, HashChain.Gradients(State, at, mine.ShardStart, mine.ShardEnd), stop));
    }

    private bool TakesPart(SimulatedLoop of) => Alive && !of.Ended && fence.IsCurrent(of.Plan.Number);

    private void End(SimulatedLoop ending, ReportKind kind)
    {
        ending.Ended = true;
        cluster.Trace?.Invoke($"{cluster.Time.Now} {Slot.Key} ends round {ending.Plan.Number} at {Position}: {kind}");
        if (kind == ReportKind.Aborted)
        {
            ending.Exchange.Break();
        }
        cluster.Report(this, ending, kind, State);
    }

    private void Obey(long round, bool enters = false)
    {
        cluster.Check(Invariants.Rounds, enters ? round > newest : round >= newest, $"{Slot.Key} obeys round {round} after round {newest}");
        newest = Math.Max(newest, round);
    }
}

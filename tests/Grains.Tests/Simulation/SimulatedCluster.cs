using Granary.Contracts;
using Granary.Training.Loop;
using Granary.Training.Runs;

namespace Granary.Grains.Tests.Simulation;

/// <summary>A run on nodes that come and go, over a network that delays, reorders and loses messages. A seed decides it all.</summary>
internal sealed partial class SimulatedCluster
{
    private const int TooLong = 20_000;
    private readonly Func<IFence> fence;
    private readonly Invariants watched;
    private readonly Dictionary<string, SimulatedWorker> workers = [];
    private readonly Dictionary<Guid, SimulatedExchange> exchanges = [];
    private readonly List<SimulatedCoordinator> coordinators = [];
    private readonly List<SlotInfo> members = [];
    private readonly Dictionary<Position, ulong> truth;
    private readonly HashSet<long> checkpoints = [0];
    private readonly int faultsUntil;
    private int lives;

    public SimulatedCluster(int seed, Func<IFence> fence, Invariants watched = Invariants.All)
    {
        (this.fence, this.watched, Time) = (fence, watched, new(seed));
        (Steps, faultsUntil) = (Time.Any(2, 12), Time.Any(50, 600));
        Spec = new() { RunId = "run", Task = "task", Output = "", Shards = Time.Any(1, 6) };
        truth = HashChain.Truth(Spec.Shards, Steps);
        for (var node = Time.Any(1, 4); node > 0; node--)
        {
            Bear($"silo-{node}", Time.Any(1, 2));
        }
        Replace();
        Time.After(0, Disturb);
        Time.After(0, Watch);
    }

    public VirtualTime Time { get; }

    /// <summary>Is told what happens; <see langword="null"/>: nobody is.</summary>
    public Action<string>? Trace { get; init; }

    public RunSpec Spec { get; }

    public long Steps { get; }

    public bool Faulty => Time.Now < faultsUntil;

    /// <summary>The stored run. Who writes it must have seen its newest version.</summary>
    public (int Version, long Round, bool HasEnded) Record { get; private set; }

    public long NewestCheckpoint => checkpoints.Max();

    /// <summary>Until the run has ended and nothing can disturb it any more.</summary>
    public void Run()
    {
        while (!Record.HasEnded || Faulty)
        {
            if (!Time.TryStep() || Time.Now > TooLong)
            {
                throw new ProtocolViolation("the run does not end");
            }
            foreach (var worker in workers.Values)
            {
                Check(Invariants.States, worker.Position is not { } at || worker.State == truth[at], $"{worker.Slot.Key} has a wrong state at {worker.Position}");
            }
        }
    }

    public void Check(Invariants invariant, bool holds, string otherwise)
    {
        if (!holds && watched.HasFlag(invariant))
        {
            throw new ProtocolViolation(otherwise);
        }
    }

    public void CheckPlan(RoundPlan plan) => Check(
        Invariants.Exchanges,
        plan.Workers.SelectMany(worker => Enumerable.Range(worker.ShardStart, worker.ShardEnd - worker.ShardStart)).SequenceEqual(Enumerable.Range(0, Spec.Shards)),
        $"round {plan.Number} has shards without an owner, or with two");

    public void CheckExchange(Contribution[] all) => Check(
        Invariants.Exchanges,
        all.Select(one => (one.From.Plan.Secret, one.At, one.State)).Distinct().Count() == 1 && all.Select(one => one.From.Owner).Distinct().Count() == all.Length,
        $"what is added differs: {string.Join("; ", all.Select(one => $"round {one.From.Plan.Number} at {one.At}"))}");

    public bool IsFinal(ulong state) => state == truth[new(Steps)];

    /// <summary>The slots of all nodes believed to be up.</summary>
    public List<SlotInfo> Members() => [.. members.OrderBy(slot => slot.Key, StringComparer.Ordinal)];

    public SimulatedExchange ExchangeOf(RoundPlan plan)
    {
        if (!exchanges.TryGetValue(plan.Secret, out var exchange))
        {
            exchanges.Add(plan.Secret, exchange = new(this, plan.Workers.Count));
        }
        return exchange;
    }

    public bool TryWrite(int version, long round, bool hasEnded)
    {
        if (version != Record.Version)
        {
            return false;
        }
        Record = (version + 1, round, hasEnded);
        Trace?.Invoke($"{Time.Now} round {round} is stored{(hasEnded ? ", and that the run has ended" : "")}");
        return true;
    }

    public void SaveCheckpoint(Position at, ulong state)
    {
        Check(Invariants.States, state == truth[at], $"a checkpoint of {at} is wrong");
        Time.After(Time.Any(1, 50), () => checkpoints.Add(at.Step));
    }

    public ulong Checkpoint(Position at)
    {
        Check(Invariants.Rounds, at.Phase == 0 && checkpoints.Contains(at.Step), $"there is no checkpoint of {at}");
        return truth[at];
    }

    /// <summary>To whichever life of the slot the message finds.</summary>
    public void Send(string slot, Action<SimulatedWorker> message) => Deliver(() =>
    {
        if (workers[slot].Alive)
        {
            message(workers[slot]);
        }
    });

    public void Send(SimulatedWorker to, Action message) => Deliver(() =>
    {
        if (to.Alive)
        {
            message();
        }
    });

    public void Send(SimulatedCoordinator to, Action message) => Deliver(() =>
    {
        if (to.Acting)
        {
            message();
        }
    });

    /// <summary>Repeated until a coordinator has heard it: mostly the newest, for a while an older one.</summary>
    public void Report(SimulatedWorker from, SimulatedLoop loop, ReportKind kind, ulong state, int times = 20)
    {
        var heard = false;
        Deliver(() =>
        {
            var to = Faulty && Time.Chance(0.2) ? coordinators[Time.Any(0, coordinators.Count - 1)] : coordinators[^1];
            heard = to.TryHear(loop.Plan.Number, loop.Index, kind, state);
        });
        Time.After(100, () =>
        {
            if (!heard && from.Alive && times > 0)
            {
                Report(from, loop, kind, state, times - 1);
            }
        });
    }

    private void Deliver(Action message)
    {
        if (!Faulty)
        {
            Time.After(Time.Any(1, 10), message);
        }
        else if (!Time.Chance(0.02))
        {
            Time.After(Time.Chance(0.1) ? Time.Any(10, 400) : Time.Any(1, 10), message);
        }
    }
}

using Granary.Torch.Runtime;
using Granary.Training.Checkpoints;
using Granary.Training.Exchange;
using Granary.Training.Frames;
using Granary.Training.Loop;
using Granary.Training.Shards;
using Granary.Training.Tasks;
using TorchSharp;

namespace Granary.Testing;

/// <summary>Trains a task on some workers in lockstep on the calling thread, adding their partial sums as an exchange does: step by step, with all in sight.</summary>
public sealed class Lockstep : IDisposable
{
    private readonly TrainingSpec spec;
    private readonly ITrainingReplica[] replicas;
    private readonly ShardRange[] ranges;
    private readonly FrameFold[][] folds;
    private readonly SoloExchange exchange = new();

    /// <param name="workers">At most as many as the spec has shards. Default: 1.</param>
    public Lockstep(ITrainingTask task, TrainingSpec spec, int workers = 1)
    {
        _ = TorchRuntime.Switches;
        this.spec = spec;
        ranges = ShardRange.Split(spec.Shards, workers);
        replicas = [.. ranges.Select(_ => task.CreateReplica(spec))];
        folds = [.. replicas.Select(replica => replica.Phases.Select((_, phase) => new FrameFold(spec.Shards, () => replica.CreateFrame(phase))).ToArray())];
    }

    /// <summary>Live tensors that this thread has made, whatever other threads do meanwhile.</summary>
    public static long LiveTensors => DisposeScopeManager.Statistics.ThreadTotalLiveCount;

    /// <summary>The first worker's.</summary>
    public ITrainingReplica Replica => replicas[0];

    /// <summary>What the steps have learned; a metric that is known at some steps only keeps its last value.</summary>
    public Metrics Metrics { get; } = [];

    /// <summary>Steps made; may be set, for a replica whose state is overwritten.</summary>
    public long Step { get; set; }

    /// <summary>The hash of every replica's weights, which must all agree.</summary>
    public string Hash => replicas.Select(replica => WeightsHash.Of(replica.State)).Distinct().Single();

    /// <summary>Makes so many steps.</summary>
    public Lockstep Run(long steps)
    {
        for (var until = Step + steps; Step < until; Step++)
        {
            for (var phase = 0; phase < Replica.Phases.Count; phase++)
            {
                if (Replica.Happens(phase, Step))
                {
                    RunPhase(phase);
                }
            }
        }
        return this;
    }

    /// <summary>What one worker alone measures with this model.</summary>
    public Metrics Evaluate() => Evaluation.Run(Replica, spec.Shards, ahead: false);

    /// <summary>Gives this the state of another.</summary>
    public void GoOnFrom(Lockstep other)
    {
        foreach (var (from, to) in other.Replica.State.Tensors.Zip(Replica.State.Tensors))
        {
            from.Values.CopyTo(to.Values);
        }
        foreach (var (name, value) in other.Replica.State.Scalars)
        {
            Replica.State.Scalars[name] = value;
        }
        Replica.StateRestored();
        Step = other.Step;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        exchange.Dispose();
        foreach (var fold in folds.SelectMany(fold => fold))
        {
            fold.Dispose();
        }
        foreach (var replica in replicas)
        {
            replica.Dispose();
        }
    }

    private void RunPhase(int phase)
    {
        // All workers' nodes, left to right, as if one worker had them all.
        var partials = replicas.SelectMany((replica, worker) =>
            folds[worker][phase].Compute(ranges[worker], (shard, frame) => replica.ComputeGradients(new(Step, phase, shard), frame))).ToList();
        var sum = exchange.Sum(partials, Step, phase);
        foreach (var replica in replicas)
        {
            replica.Apply(phase, Step, sum, Metrics);
        }
        exchange.Release();
    }
}

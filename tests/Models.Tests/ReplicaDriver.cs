using Granary.Training.Checkpoints;
using Granary.Training.Exchange;
using Granary.Training.Frames;
using Granary.Training.Loop;
using Granary.Training.Shards;
using Granary.Training.Tasks;

namespace Granary.Models.Tests;

/// <summary>Trains a task on some workers in lockstep on the calling thread, adding their partials as an exchange does.</summary>
internal sealed class ReplicaDriver : IDisposable
{
    private readonly TrainingSpec spec;
    private readonly ITrainingReplica[] replicas;
    private readonly ShardRange[] ranges;
    private readonly FrameFold[][] folds;
    private readonly SoloExchange exchange = new();

    public ReplicaDriver(ITrainingTask task, TrainingSpec spec, int workers = 1)
    {
        _ = Granary.Torch.TorchRuntime.Switches;
        this.spec = spec;
        ranges = ShardRange.Split(spec.Shards, workers);
        replicas = [.. ranges.Select(_ => task.CreateReplica(spec))];
        folds = [.. replicas.Select(replica => replica.Phases.Select((_, phase) => new FrameFold(spec.Shards, () => replica.CreateFrame(phase))).ToArray())];
    }

    /// <summary>Tensors alive that this thread has made: other tests run beside this one.</summary>
    public static long LiveTensors => TorchSharp.DisposeScopeManager.Statistics.ThreadTotalLiveCount;

    public ITrainingReplica Replica => replicas[0];

    public Metrics Metrics { get; } = [];

    public long Step { get; set; }

    /// <summary>The hash of every replica's weights, which must all agree.</summary>
    public string Hash => replicas.Select(replica => WeightsHash.Of(replica.State)).Distinct().Single();

    public ReplicaDriver Run(long steps)
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

    /// <summary>What one worker measures that has the model to itself.</summary>
    public Metrics Evaluate() => Evaluation.Run(Replica, spec.Shards);

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

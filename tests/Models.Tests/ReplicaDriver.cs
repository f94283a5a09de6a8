using Granary.Training.Checkpoints;
using Granary.Training.Frames;
using Granary.Training.Shards;
using Granary.Training.Tasks;

namespace Granary.Models.Tests;

/// <summary>Trains a task on some workers in lockstep on the calling thread, adding partial sums by the book.</summary>
internal sealed class ReplicaDriver : IDisposable
{
    private readonly TrainingSpec spec;
    private readonly ITrainingReplica[] replicas;
    private readonly ShardRange[] ranges;
    private readonly FrameFold[][] folds;

    public ReplicaDriver(ITrainingTask task, TrainingSpec spec, int workers = 1)
    {
        _ = Granary.Models.Torch.TorchRuntime.Switches;
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

    public void Dispose()
    {
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
        // All workers' nodes, left to right; added with the same rule in whatever order the tree allows.
        var sums = replicas.SelectMany((replica, worker) =>
            folds[worker][phase].Compute(ranges[worker], (shard, frame) => replica.ComputeGradients(new(Step, phase, shard), frame))).ToList();
        while (sums.Count > 1)
        {
            var at = Enumerable.Range(0, sums.Count - 1).First(i => CanonicalTree.AreSiblings(sums[i].Node, sums[i + 1].Node, spec.Shards));
            sums[at].Frame.Add(sums[at + 1].Frame);
            sums[at] = new(new(sums[at].Node.Start, sums[at + 1].Node.End), sums[at].Frame);
            sums.RemoveAt(at + 1);
        }
        foreach (var replica in replicas)
        {
            replica.Apply(phase, Step, sums[0].Frame, Metrics);
        }
    }
}

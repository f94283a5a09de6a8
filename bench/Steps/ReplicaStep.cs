using Granary.Training.Frames;
using Granary.Training.Tasks;

namespace Granary.Bench.Steps;

/// <summary>Steps of a replica that has all shards to itself: gradients, clipping, optimizer.</summary>
internal sealed class ReplicaStep(ITrainingReplica replica) : IDisposable
{
    private readonly Frame frame = replica.CreateFrame(0);
    private readonly Metrics metrics = [];
    private long step;

    public void Run()
    {
        replica.ComputeGradients(new(step, Phase: 0, Shard: 0), frame);
        replica.Apply(phase: 0, step++, frame, metrics);
    }

    public void Dispose()
    {
        frame.Dispose();
        replica.Dispose();
    }
}

using Granary.Training.Frames;
using Granary.Training.Tasks;

namespace Granary.Bench.Steps;

/// <summary>Steps of a replica that has the one shard to itself: gradients, clipping, optimizer.</summary>
internal sealed class ReplicaStep : IDisposable
{
    private readonly ITrainingReplica replica;
    private readonly List<(int Phase, Frame Frame)> phases;
    private readonly Metrics metrics = [];
    private long step;

    public ReplicaStep(ITrainingReplica replica)
    {
        this.replica = replica;
        phases = [.. Enumerable.Range(0, replica.Phases.Count).Where(phase => !replica.IsHeldOut(phase)).Select(phase => (phase, replica.CreateFrame(phase)))];
        replica.Expect(new(0, 1));
    }

    public void Run()
    {
        foreach (var (phase, frame) in phases)
        {
            replica.ComputeGradients(new(step, phase, Shard: 0), frame);
            replica.Apply(phase, step, frame, metrics);
        }
        step++;
    }

    public void Dispose()
    {
        phases.ForEach(phase => phase.Frame.Dispose());
        replica.Dispose();
    }
}

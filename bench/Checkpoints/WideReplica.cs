using System.Runtime.Intrinsics;
using Granary.Training.Frames;
using Granary.Training.Numerics;
using Granary.Training.Optimization;
using Granary.Training.Randomness;
using Granary.Training.Tasks;

namespace Granary.Bench.Checkpoints;

/// <summary>
/// A model of nothing but parameters, with Adam's moments: its gradient is the parameters' distance from a target, the least
/// computing that a model of that size can need.
/// </summary>
internal sealed unsafe class WideReplica : ITrainingReplica
{
    private readonly NativeFloats weights;
    private readonly Adam optimizer;

    public WideReplica(int parameters, long steps)
    {
        TotalSteps = steps;
        weights = new(parameters);
        optimizer = new(parameters);
        var random = new StepRandom(1);
        foreach (ref var weight in weights.Span)
        {
            weight = random.NextSingle();
        }
        State = new([
            new("weight", [parameters], StateKind.Model, weights.Pointer),
            new("adam.mean", [parameters], StateKind.Training, optimizer.Mean.Pointer),
            new("adam.variance", [parameters], StateKind.Training, optimizer.Variance.Pointer)]);
    }

    public IReadOnlyList<string> Phases => ["train"];

    public long StepsPerEpoch => TotalSteps;

    public long TotalSteps { get; }

    public string Unit => "samples";

    public Measure Measure => new("loss", LowerIsBetter: true);

    public ReplicaState State { get; }

    public Frame CreateFrame(int phase) => Frame.Allocate((int)weights.Length, scalars: 1);

    public void ComputeGradients(Coordinates at, Frame frame)
    {
        var target = Vector512.Create(0.5f);
        for (var i = 0; i < weights.Length; i += Vector512<float>.Count)
        {
            (Vector512.Load(weights.Pointer + i) - target).Store(frame.Pointer + i);
        }
        frame.Scalars[0] = 1;
    }

    public void Apply(int phase, long step, Frame sum, Metrics metrics) => optimizer.Update(0, weights.Length, weights.Pointer, sum.Pointer, new(step + 1, 1e-3f, 1 / sum.Scalars[0]));

    public void Dispose()
    {
        weights.Dispose();
        optimizer.Dispose();
    }
}

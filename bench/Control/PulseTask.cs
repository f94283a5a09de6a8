using Granary.Training.Frames;
using Granary.Training.Numerics;
using Granary.Training.Tasks;

namespace Granary.Bench.Control;

/// <summary>A task without computing: a shard takes a fixed time, and one weight counts the steps.</summary>
public sealed class PulseTask : ITrainingTask
{
    /// <summary>How long a worker's shards take in a step, all together.</summary>
    internal static TimeSpan Pulse { get; set; }

    /// <summary>Is told of every step by the replica that trains shard 0.</summary>
    internal static Action<long>? Stepped { get; set; }

    public string Name => "pulse";

    public string Summary => "simulated workers";

    public Type Settings => typeof(PulseSettings);

    public ITrainingReplica CreateReplica(TrainingSpec spec) => new Replica(spec);

    private sealed unsafe class Replica : ITrainingReplica
    {
        private readonly TrainingSpec spec;
        private readonly NativeFloats count = new(1);
        private bool isFirst;

        public Replica(TrainingSpec spec)
        {
            this.spec = spec;
            State = new([new("count", [1], StateKind.Model, count.Pointer)]);
        }

        public IReadOnlyList<string> Phases => ["train"];

        public long StepsPerEpoch => TotalSteps;

        public long TotalSteps => spec.Steps!.Value;

        public string Unit => "samples";

        public Measure Measure => new("loss", LowerIsBetter: true);

        public ReplicaState State { get; }

        public Frame CreateFrame(int phase) => Frame.Allocate(1, scalars: 1);

        public void ComputeGradients(Coordinates at, Frame frame)
        {
            isFirst = at.Shard == 0;
            Thread.Sleep(Pulse);
            frame.Clear();
            frame.Values[0] = frame.Scalars[0] = 1;
        }

        public void Apply(int phase, long step, Frame sum, Metrics metrics)
        {
            count.Span[0] += sum.Values[0] / sum.Scalars[0];
            metrics[Metrics.Loss] = count.Span[0];
            metrics[Metrics.Samples] = sum.Scalars[0];
            if (isFirst)
            {
                Stepped?.Invoke(step + 1);
            }
        }

        public void Dispose() => count.Dispose();
    }
}

public sealed record PulseSettings;

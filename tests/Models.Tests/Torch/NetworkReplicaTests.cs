using Granary.Torch;
using Granary.Training.Checkpoints;
using Granary.Training.Randomness;
using Granary.Training.Tasks;
using static TorchSharp.torch;

namespace Granary.Models.Tests.Torch;

public class NetworkReplicaTests
{
    [Fact]
    public void Updates_InSomeStepsOnly_AreThoseOfEveryStep()
    {
        using Probe every = new(), some = new();
        Update(every, steps: [0, 1, 2]);
        Update(some, steps: [3, 10, 17]);
        Assert.Equal(WeightsHash.OfAll(every.State), WeightsHash.OfAll(some.State));
    }

    [Fact]
    public void Network_TrainsOnlyWhereItIsTrained()
    {
        using var probe = new Probe();
        using var training = probe.CreateFrame(0);
        using var validation = probe.CreateFrame(1);
        probe.ComputeGradients(new(0, Phase: 0, Shard: 0), training);
        probe.Evaluate();
        probe.ComputeGradients(new(1, Phase: 0, Shard: 0), training);
        probe.ComputeGradients(new(1, Phase: 1, Shard: 0), validation);
        probe.ComputeGradients(new(2, Phase: 0, Shard: 0), training);
        // The first shard is computed twice, to prove that it is a pure function.
        Assert.Equal("train train use train use train", string.Join(' ', probe.Modes));
    }

    private static void Update(Probe probe, long[] steps)
    {
        using var frame = probe.CreateFrame(0);
        foreach (var step in steps)
        {
            probe.ComputeGradients(new(step, 0, 0), frame);
            probe.Apply(0, step, frame, []);
        }
    }

    /// <summary>One linear layer, the same batch in every step; remembers in which mode it was called.</summary>
    private sealed class Probe(nn.Module<Tensor, Tensor> network) : NetworkReplica(new() { Task = "probe", Shards = 1 }, network, new() { LearningRate = 0.1 })
    {
        public Probe() : this(Layer())
        {
        }

        public List<string> Modes { get; } = [];

        public override IReadOnlyList<string> Phases => ["train", "validate"];

        public override long StepsPerEpoch => 1;

        public override long TotalSteps => 1;

        public override string Unit => "samples";

        protected override (Tensor LossSum, double Weight) Loss(Coordinates at, LaneRandom random, ReadOnlySpan<float> carry, Span<float> carryNext) => (LossSum(), 2);

        protected override (double LossSum, double Weight) ValidationLoss(Coordinates at) => (LossSum().item<float>(), 2);

        protected override Metrics Examine() => new() { ["loss"] = LossSum().item<float>() };

        private static nn.Module<Tensor, Tensor> Layer()
        {
            var layer = nn.Linear(3, 1);
            Initialization.Default(layer, seed: 1);
            return layer;
        }

        private Tensor LossSum()
        {
            Modes.Add(network.training ? "train" : "use");
            return network.call(ones(2, 3)).square().sum();
        }
    }
}

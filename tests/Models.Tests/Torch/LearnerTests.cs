using Granary.Torch;
using Granary.Torch.Data;
using Granary.Training.Checkpoints;
using Granary.Training.Tasks;
using static TorchSharp.torch;

namespace Granary.Models.Tests.Torch;

public class LearnerTests
{
    [Fact]
    public void Updates_InSomeStepsOnly_AreThoseOfEveryStep()
    {
        using ITrainingReplica every = Create(), some = Create();
        Update(every, steps: [0, 1, 2]);
        Update(some, steps: [3, 10, 17]);
        Assert.Equal(WeightsHash.OfAll(every.State), WeightsHash.OfAll(some.State));
    }

    [Fact]
    public void Network_TrainsOnlyWhereItIsTrained()
    {
        using var replica = Create();
        using var training = replica.CreateFrame(0);
        using var validation = replica.CreateFrame(1);
        replica.ComputeGradients(new(0, Phase: 0, Shard: 0), training);
        replica.ComputeGradients(new(1, Phase: 1, Shard: 0), validation);
        replica.ComputeGradients(new(1, Phase: 0, Shard: 0), training);
        // The first shard is computed twice, to prove that it is a pure function.
        Assert.Equal("train train use train", string.Join(' ', ((Probe)replica.Model).Modes));
    }

    private static ITrainingReplica Create() => LearnerTask.Of<Probe>().CreateReplica(new() { Task = "probe", Shards = 1 });

    private static void Update(ITrainingReplica replica, long[] steps)
    {
        using var frame = replica.CreateFrame(0);
        foreach (var step in steps)
        {
            replica.ComputeGradients(new(step, 0, 0), frame);
            replica.Apply(0, step, frame, []);
        }
    }

    /// <summary>One linear layer, the same batch in every step; remembers in which mode it was called.</summary>
    [Learner("probe", "")]
    private sealed class Probe(LearnerContext context) : NetworkLearner<NetworkSettings, Examples>(context)
    {
        public List<string> Modes { get; } = [];

        protected override nn.Module<Tensor, Tensor> Network { get; } = nn.Linear(3, 1);

        protected override Func<IBatches<Examples>> Training => () => new FixedBatch(new(ones(2, 3).DetachFromDisposeScope(), zeros(2).DetachFromDisposeScope()), Spec);

        protected override Func<IBatches<Examples>> Validation => Training;

        protected override Tensor LossSum(Examples batch, ShardPass pass)
        {
            Modes.Add(Network.training ? "train" : "use");
            pass.Weight += batch.Inputs.shape[0];
            return Network.call(batch.Inputs).square().sum();
        }
    }
}

using Granary.Testing;
using Granary.Torch.Devices;
using Granary.Torch.Devices.Nccl;
using Granary.Training.Checkpoints;
using Granary.Training.Loop;
using Granary.Training.Shards;
using Granary.Training.Tasks;

namespace Granary.Models.Tests.Devices.Nccl;

/// <summary>Trainings whose gradients never come to the host.</summary>
public sealed class NcclTrainingTests(StandIn standIn) : IClassFixture<StandIn>
{
    private static readonly TimeSpan patience = TimeSpan.FromSeconds(30);

    // Carry and dropout, buffers and two networks, held-out phases; five shards, which no number of workers but one and five divides.
    [Theory]
    [InlineData("lm batch=7 bptt=5 embedding=16 hidden=16 validate-every=4 valid-words=500")]
    [InlineData("dcgan batch=13 maps=4 size=16 latent=8 validate-every=8")]
    [InlineData("gpt batch=33 context=9 layers=2 heads=2 width=12 dropout=0.1 validate-every=8")]
    public void Training_OverNccl_HasTheBitsOfTheStagedOne(string task)
    {
        var spec = TaskPromisesTests.SpecOf(task) with { Steps = 9 };
        using var staged = new Lockstep(new OnDevice(TaskPromisesTests.TaskOf(task)), spec).Run(9);
        foreach (var workers in (int[])[1, 3, 5])
        {
            Assert.All(Train(task, spec, workers, new NothingToSee()), hash => Assert.Equal(staged.Hash, hash));
        }
    }

    // Whoever fails ends the round for those who wait for its sends.
    [Fact]
    public void Worker_ThatFails_EndsTheRoundForAll()
    {
        var spec = TaskPromisesTests.SpecOf("two-layer batch=64") with { Steps = 100 };
        var error = Assert.Throws<InvalidOperationException>(() => Train("two-layer batch=64", spec, 3, new FailsIn(step: 5)));
        Assert.Equal("No more.", error.Message);
    }

    private IReadOnlyList<string> Train(string task, TrainingSpec spec, int workers, IStepObserver observer)
    {
        var id = standIn.Library.CreateId();
        return LocalWorkers.Run(workers, spec.Shards, (worker, mine, ordinary) =>
        {
            var place = new StagedDevice();
            using var replica = new OnDevice(TaskPromisesTests.TaskOf(task), () => place).CreateReplica(spec);
            var communicator = new NcclCommunicator(standIn.Library, id, worker, workers);
            communicator.Await(patience);
            using var exchange = new NcclExchange(ordinary, communicator, place, ShardRange.Split(spec.Shards, workers), spec.Shards);
            using var loop = new TrainingLoop(replica, mine, spec.Shards);
            loop.Run(new(0), exchange, worker == 0 ? observer : new NothingToSee(), new StopSignal());
            return WeightsHash.Of(replica.State);
        });
    }

    private sealed class NothingToSee : IStepObserver
    {
        public void StepCommitted(long step, Metrics metrics, StepTimes times)
        {
        }
    }

    private sealed class FailsIn(long step) : IStepObserver
    {
        public void PhaseComputed(long at, int phase)
        {
            if (at == step)
            {
                throw new InvalidOperationException("No more.");
            }
        }

        public void StepCommitted(long at, Metrics metrics, StepTimes times)
        {
        }
    }
}

using Granary.Testing;
using Granary.Torch;
using Granary.Torch.Data;
using Granary.Torch.Networks;
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

    [Fact]
    public void Run_WithoutImprovementForItsPatience_EndsForGood()
    {
        using var driver = new Lockstep(LearnerTask.Of<Probe>(), Spec(("learning-rate", "0"), ("patience", "3"), ("validate-every", "2"), ("decay", "0.5")) with { Steps = 100 });
        Assert.Equal(100, driver.Run(6).Replica.TotalSteps); // the first of its validations is an improvement on nothing
        Assert.Equal(8, driver.Run(2).Replica.TotalSteps);
        using var resumed = Create();
        foreach (var (name, value) in driver.Replica.State.Scalars)
        {
            resumed.State.Scalars[name] = value;
        }
        Assert.Equal(8, resumed.TotalSteps);
    }

    [Theory]
    [InlineData("patience", "1")]
    [InlineData("decay", "0.5")]
    [InlineData("validate-every", "7")]
    public void Settings_OfAValidationThatThereIsNot_AreRefused(string name, string value)
    {
        var spec = new TrainingSpec { Task = "two-layer", Settings = new Dictionary<string, string> { [name] = value } };
        Assert.Contains("validates on none", Assert.Throws<TaskSettingException>(() => LearnerTask.Of<TwoLayer>().CreateReplica(spec)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Parameters_OfAGroup_LearnAsItSays()
    {
        using var driver = new Lockstep(LearnerTask.Of<Grouped>(), Spec(("optimizer", "sgd"), ("weight-decay", "0.1")));
        var before = Copy(driver.Replica);
        driver.Run(1);
        var after = Copy(driver.Replica);
        Assert.Equal(before["still.weight"], after["still.weight"]);
        // The loss does not reach the weights of the last layer: they move by their decay alone, and its bias has none.
        Assert.Equal(before["decaying.weight"].Select(value => value - 0.1f * (value * 0.1f)), after["decaying.weight"], (a, b) => Math.Abs(a - b) < 1e-7);
        Assert.Equal(before["decaying.bias"], after["decaying.bias"]);
        Assert.NotEqual(before["moving.weight"], after["moving.weight"]);
    }

    [Fact]
    public void Data_OfStepsThatAreExpected_AreMadeOnAnotherThread()
    {
        using var replica = Create(shards: 2);
        var probe = (Probe)replica.Model;
        using var frame = replica.CreateFrame(0);
        replica.ComputeGradients(new(0, 0, 0), frame);
        replica.ComputeGradients(new(0, 0, 1), frame);
        replica.Expect(new(0, 2));
        var before = probe.Made.Count;
        for (var step = 1; step < 5; step++)
        {
            replica.ComputeGradients(new(step, 0, 0), frame);
            replica.ComputeGradients(new(step, 0, 1), frame);
        }
        // The first had not been ordered. What is made too much is that of the step to come.
        var threads = probe.Made.Skip(before).ToList();
        Assert.Equal(Environment.CurrentManagedThreadId, threads[0].Thread);
        Assert.Single(threads, made => made.Thread == Environment.CurrentManagedThreadId);
        Assert.Equal(from step in Enumerable.Range(1, 4) from shard in new[] { 0, 1 } select ((long)step, shard), threads.Take(8).Select(made => (made.Step, made.Shard)));
        Assert.True(replica.DataWait > TimeSpan.Zero);

        // After an accident another step is next.
        replica.ComputeGradients(new(2, 0, 1), frame);
        Assert.Contains((2L, 1, Environment.CurrentManagedThreadId), probe.Made.Skip(before + 8));
    }

    [Fact]
    public void Data_ThatFailOnTheOtherThread_FailTheShardThatWantsThem()
    {
        using var replica = Create(shards: 2);
        using var frame = replica.CreateFrame(0);
        replica.Expect(new(0, 2));
        replica.ComputeGradients(new(0, 0, 0), frame);
        replica.ComputeGradients(new(0, 0, 1), frame);
        ((Probe)replica.Model).FailsAt = 1;
        replica.ComputeGradients(new(7, 0, 1), frame); // what is ordered next is step 8
        replica.ComputeGradients(new(0, 0, 1), frame);
        Assert.Contains("step 1", Assert.Throws<TrainingDataException>(() => replica.ComputeGradients(new(1, 0, 0), frame)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Statistics_OfAShardOfOneSample_StayNumbers()
    {
        using var driver = new Lockstep(LearnerTask.Of<Normed>(), new() { Task = "normed", Shards = 3, Settings = new Dictionary<string, string> { ["batch"] = "7" } }).Run(4);
        Assert.All(driver.Replica.State.Tensors, tensor => Assert.DoesNotContain(tensor.Values.ToArray(), value => !float.IsFinite(value)));
        Assert.NotEqual(1, driver.Replica.State.Tensors.Single(tensor => tensor.Name == "norm.running_var").Values[0]);
    }

    [Fact]
    public void Network_ThatIsAnotherAtEveryCall_IsRefused() =>
        Assert.Contains("Network is another object at every call", Assert.Throws<UnfitNetworkException>(() => LearnerTask.Of<Fickle>().CreateReplica(new() { Task = "fickle" })).Message, StringComparison.Ordinal);

    [Fact]
    public void Measure_ThatNobodyGives_IsNamedWithThoseThereAre()
    {
        using var driver = new Lockstep(LearnerTask.Of<Vain>(), new() { Task = "vain", Shards = 1 });
        Assert.Contains("named accuracy, and there is no such metric. A validation gives validation.loss.", Assert.Throws<UnfitNetworkException>(() => driver.Run(1)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Error_OfLibtorch_IsToldWithoutItsOwnTraceAndWithThePlaceInTheLearner()
    {
        using var layer = nn.Linear(2, 2);
        var inner = Assert.ThrowsAny<Exception>(() => layer.call(ones(2, 3)));
        var told = new ShardFailedException(1, "train", 2, inner).Message;
        Assert.Contains("Shard 1 failed in phase 'train' of step 2: mat1 and mat2 shapes cannot be multiplied", told, StringComparison.Ordinal);
        Assert.DoesNotContain("frame #", told, StringComparison.Ordinal);
        Assert.Contains("(LearnerTests.cs, line ", told, StringComparison.Ordinal);
    }

    [Fact]
    public void Learner_ThatIsNotOne_IsRefused()
    {
        Assert.Contains("cannot be named 'My Model'", Assert.Throws<ArgumentException>(LearnerTask.Of<Misnamed>).Message, StringComparison.Ordinal);
        Assert.Contains("Misdeclared.Depth is declared with a default that it does not take. Setting 'depth' cannot be '7'", Assert.Throws<ArgumentException>(LearnerTask.Of<Misset>).Message, StringComparison.Ordinal);
        Assert.Contains("Grouped and Grouped are both named 'grouped'", Assert.Throws<ArgumentException>(() => new TaskCatalog([LearnerTask.Of<Grouped>(), LearnerTask.Of<Grouped>()])).Message, StringComparison.Ordinal);
        Assert.Contains("Nameless has no name as a task", Assert.Throws<ArgumentException>(LearnerTask.Of<Nameless>).Message, StringComparison.Ordinal);
        Assert.Contains("needs a public constructor", Assert.Throws<ArgumentException>(LearnerTask.Of<Strange>).Message, StringComparison.Ordinal);
    }

    private static TrainingSpec Spec(params (string Name, string Value)[] settings) =>
        new() { Task = "probe", Shards = 1, Settings = settings.Append(("learning-rate", "0.1")).DistinctBy(setting => setting.Item1).ToDictionary() };

    private static ITrainingReplica Create(int shards = 1) => LearnerTask.Of<Probe>().CreateReplica(Spec(("validate-every", "1000")) with { Shards = shards, Steps = 100 });

    private static void Update(ITrainingReplica replica, long[] steps)
    {
        using var frame = replica.CreateFrame(0);
        foreach (var step in steps)
        {
            replica.ComputeGradients(new(step, 0, 0), frame);
            replica.Apply(0, step, frame, []);
        }
    }

    private static Dictionary<string, float[]> Copy(ITrainingReplica replica) => replica.State.Tensors.ToDictionary(tensor => tensor.Name, tensor => tensor.Values.ToArray());

    /// <summary>One linear layer, a batch of ones in every step; remembers in which mode it was called, and who made which batch.</summary>
    [Learner("probe", "")]
    private sealed class Probe(LearnerContext context) : NetworkLearner<NetworkSettings, Tensor>(context), IBatches<Tensor>
    {
        public List<string> Modes { get; } = [];

        public List<(long Step, int Shard, int Thread)> Made { get; } = [];

        public long FailsAt { get; set; } = -1;

        long IBatches<Tensor>.StepsPerEpoch => 1;

        protected override nn.Module<Tensor, Tensor> Network { get; } = nn.Linear(3, 1);

        protected override Func<IBatches<Tensor>> Training => () => this;

        protected override Func<IBatches<Tensor>> Validation => () => new OrderedBatches<Tensor>(2, 2, Spec, _ => ones(2, 3));

        public Tensor Of(long step, int shard)
        {
            lock (Made)
            {
                Made.Add((step, shard, Environment.CurrentManagedThreadId));
            }
            return step == FailsAt ? throw new TrainingDataException($"No data in step {step}.") : ones(2, 3);
        }

        protected override Tensor LossSum(Tensor batch, ShardPass pass)
        {
            Modes.Add(Network.training ? "train" : "use");
            pass.Weight += batch.shape[0];
            return Network.call(batch).square().sum();
        }
    }

    [Learner("grouped", "")]
    private sealed class Grouped(LearnerContext context) : NetworkLearner<NetworkSettings, Examples>(context)
    {
        protected override nn.Module<Tensor, Tensor> Network { get; } = nn.Sequential(("moving", nn.Linear(3, 3)), ("still", nn.Linear(3, 3)), ("decaying", nn.Linear(3, 1)));

        protected override IReadOnlyList<ParameterGroup> Groups =>
            [new(name => name.StartsWith("still", StringComparison.Ordinal), RateFactor: 0), new(name => name.EndsWith("bias", StringComparison.Ordinal), WeightDecay: 0)];

        protected override Func<IBatches<Examples>> Training => () => new FixedBatch(new(ones(2, 3).DetachFromDisposeScope(), zeros(2).DetachFromDisposeScope()), Spec);

        protected override Tensor LossSum(Examples batch, ShardPass pass)
        {
            pass.Weight += 2;
            var layers = (TorchSharp.Modules.Sequential)Network;
            return ((nn.Module<Tensor, Tensor>)layers[0]).call(batch.Inputs).square().sum() + 0 * Network.call(batch.Inputs).sum();
        }
    }

    private abstract class Ones<TSettings>(LearnerContext context) : NetworkLearner<TSettings, Tensor>(context) where TSettings : NetworkSettings, new()
    {
        protected override Func<IBatches<Tensor>> Training => () => new ShuffledBatches<Tensor>(20, Settings.Batch, Spec, (chosen, _) => tensor(chosen.SelectMany(sample => new[] { sample, 1f, -sample }).ToArray(), [chosen.Length, 3]));

        protected override Tensor LossSum(Tensor batch, ShardPass pass)
        {
            pass.Weight += batch.shape[0];
            return ((nn.Module<Tensor, Tensor>)Network).call(batch).square().sum();
        }
    }

    [Learner("normed", "")]
    private sealed class Normed(LearnerContext context) : Ones<NetworkSettings>(context)
    {
        protected override nn.Module Network { get; } = nn.Sequential(("in", nn.Linear(3, 4)), ("norm", nn.BatchNorm1d(4)), ("out", nn.Linear(4, 1)));
    }

    [Learner("fickle", "")]
    private sealed class Fickle(LearnerContext context) : Ones<NetworkSettings>(context)
    {
        protected override nn.Module Network => nn.Linear(3, 1);
    }

    [Learner("vain", "")]
    private sealed class Vain(LearnerContext context) : Ones<NetworkSettings>(context)
    {
        public override Measure Measure => new("accuracy", LowerIsBetter: false, Occasional: true);

        protected override nn.Module Network { get; } = nn.Linear(3, 1);

        protected override Func<IBatches<Tensor>> Validation => Training;
    }

    [Learner("My Model", "")]
    private sealed class Misnamed(LearnerContext context) : Ones<NetworkSettings>(context)
    {
        protected override nn.Module Network { get; } = nn.Linear(3, 1);
    }

    [Learner("misset", "")]
    private sealed class Misset(LearnerContext context) : Ones<Misdeclared>(context)
    {
        protected override nn.Module Network { get; } = nn.Linear(3, 1);
    }

    private sealed record Misdeclared : NetworkSettings
    {
        [Setting("how deep", Min = 1, Max = 5)]
        public int Depth { get; init; } = 7;
    }

    private sealed class Nameless(LearnerContext context) : Learner<NetworkSettings>(context)
    {
        public override IReadOnlyList<(string Name, nn.Module Module)> Networks => [];

        public override IReadOnlyList<Phase> Phases => [];
    }

    [Learner("strange", "")]
    private sealed class Strange() : Learner<NetworkSettings>(null!)
    {
        public override IReadOnlyList<(string Name, nn.Module Module)> Networks => [];

        public override IReadOnlyList<Phase> Phases => [];
    }
}

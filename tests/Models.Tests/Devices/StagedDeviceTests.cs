using Granary.Testing;
using Granary.Torch;
using Granary.Torch.Devices;
using Granary.Training.Frames;
using Granary.Training.Shards;
using Granary.Training.Tasks;
using static TorchSharp.torch;

namespace Granary.Models.Tests.Devices;

/// <summary>What a GPU does with a replica, on a device whose memory is not the host's.</summary>
public class StagedDeviceTests
{
    private static readonly TrainingSpec small = new() { Task = "two-layer", Shards = 5, Settings = new Dictionary<string, string> { ["batch"] = "64" } };

    /// <summary>All tasks but word2vec, which knows none but the processor.</summary>
    public static TheoryData<string> Tasks => Those(task => !task.StartsWith("word2vec", StringComparison.Ordinal));

    /// <summary>Of each kind one: carries, buffers and two networks, dropout, sentences of many lengths, pictures, subwords and held-out phases.</summary>
    public static TheoryData<string> Kinds => Those(task => task.Split(' ')[0] is "two-layer" or "dcgan" or "lm" or "seq2seq" or "gpt" or "style-network" or "transfer");

    [Theory]
    [MemberData(nameof(Kinds))]
    public void Workers_WithUnevenShards_EqualOneWorker(string task) => TaskPromises.HasTheSameBitsOnAnyNumberOfWorkers(TaskOf(task), TaskPromisesTests.SpecOf(task));

    [Theory]
    [MemberData(nameof(Kinds))]
    public void Run_StoppedAndResumed_EqualsOneNeverStopped(string task) => TaskPromises.GoesOnAsIfNeverStopped(TaskOf(task), TaskPromisesTests.SpecOf(task));

    [Theory]
    [MemberData(nameof(Kinds))]
    public void Training_LeavesNoTensorsBehind(string task) => TaskPromises.LeavesNoTensorsBehind(TaskOf(task), TaskPromisesTests.SpecOf(task));

    [Theory]
    [InlineData("two-layer")]
    [InlineData("dcgan batch=13 maps=4 size=16 latent=8")]
    [InlineData("lm batch=7 bptt=5 embedding=16 hidden=16 validate-every=4 valid-words=500")]
    public void Replica_Disposed_LeavesNoTensorsBehind(string task)
    {
        TaskPromisesTests.LeavesNothingBehind(() =>
        {
            using var driver = new Lockstep(TaskOf(task), TaskPromisesTests.SpecOf(task), workers: 2).Run(2);
            _ = (driver.Hash, driver.Evaluate());
        });
    }

    // The bits differ, as other code computes them; what is learned does not. Dropout draws otherwise on a device.
    [Theory]
    [MemberData(nameof(Tasks))]
    public void Loss_IsThatOfTheHost(string task)
    {
        var settings = new Dictionary<string, string>(TaskPromisesTests.SpecOf(task).Settings);
        foreach (var drop in new[] { "dropout", "word-dropout", "teacher-forcing" }.Where(drop => TaskSettings.Describe(TaskPromisesTests.TaskOf(task)).Any(setting => setting.Name == drop)))
        {
            settings[drop] = drop == "teacher-forcing" ? "1" : "0";
        }
        var spec = TaskPromisesTests.SpecOf(task) with { Settings = settings };
        using var here = new Lockstep(TaskPromisesTests.TaskOf(task), spec).Run(2);
        using var there = new Lockstep(TaskOf(task), spec).Run(2);
        Assert.InRange(there.Metrics[Metrics.Loss] / here.Metrics[Metrics.Loss], 0.999, 1.001);
    }

    // Carry, buffers, two networks; a copy that nobody waits for would not be a number.
    [Theory]
    [InlineData("lm batch=7 bptt=5 embedding=16 hidden=16 validate-every=4 valid-words=500")]
    [InlineData("dcgan batch=13 maps=4 size=16 latent=8 validate-every=8")]
    public void Copies_AreWaitedFor(string task)
    {
        var lagging = new OnDevice(TaskPromisesTests.TaskOf(task), () => new LaggingDevice());
        using var here = new Lockstep(TaskOf(task), TaskPromisesTests.SpecOf(task), workers: 3).Run(4);
        using var there = new Lockstep(lagging, TaskPromisesTests.SpecOf(task), workers: 3).Run(2);
        using var resumed = new Lockstep(lagging, TaskPromisesTests.SpecOf(task)).Run(1);
        resumed.GoOnFrom(there);
        Assert.Equal(here.Hash, there.Run(2).Hash);
        Assert.Equal(here.Hash, resumed.Run(2).Hash);
    }

    // With own batches a step says where a batch keeps tensors that would stay behind.
    [Fact]
    public void Batch_ThatKeepsTensorsElsewhere_IsRefusedByName()
    {
        using var scope = NewDisposeScope();
        var device = new StagedDevice();
        var whole = (Whole)DeviceBatch.Bring(new Whole(ones(2)), device);
        Assert.Equal([2f, 2f], whole.Twice.Values<float>());
        Assert.Contains("Several keeps tensors", Assert.Throws<ArgumentException>(() => DeviceBatch.Bring(new InAnArray([ones(2)]), device)).Message, StringComparison.Ordinal);
        Assert.Contains("hidden keeps tensors", Assert.Throws<ArgumentException>(() => DeviceBatch.Bring(new InAField(), device)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Step_OfOneWorker_CopiesNothingAndWaitsOnce()
    {
        var device = new RecordingDevice();
        using var training = new Lockstep(new OnDevice(LearnerTask.Of<TwoLayer>(), () => device), small).Run(1);
        device.Events.Clear();
        training.Run(2);
        // Of each step the batches of five shards, inputs and targets.
        string[] step = [.. Enumerable.Repeat("bring", 2 * 5), "fetch"];
        Assert.Equal([.. step, .. step], device.Events);
    }

    // Of five shards the first worker has two: one partial, which is complete before the third shard begins. The second has three: two partials.
    [Fact]
    public void Partials_AreCopiedAsSoonAsTheyAreWhole()
    {
        var device = new RecordingDevice();
        var task = new OnDevice(LearnerTask.Of<TwoLayer>(), () => device);
        using var replica = task.CreateReplica(small);
        using var fold = new FrameFold(5, () => replica.CreateFrame(0));
        var range = new ShardRange(2, 5);
        void Compute(bool staysOnDevice = false)
        {
            device.Events.Clear();
            fold.Compute(range, (shard, frame) =>
            {
                device.Events.Add($"shard {shard}");
                replica.ComputeGradients(new(1, 0, shard), frame);
            }, staysOnDevice);
        }
        Compute();
        Compute();
        Assert.Equal(["shard 2", "shard 3", "to host", "shard 4", "to host", "wait", "wait"], device.Events.Where(entry => entry != "bring"));
        // Where devices exchange by themselves.
        Compute(staysOnDevice: true);
        Assert.Equal(["shard 2", "shard 3", "shard 4"], device.Events.Where(entry => entry != "bring"));
    }

    [Fact]
    public void State_IsCopiedWhenItIsAskedForAndHasChanged()
    {
        var device = new RecordingDevice();
        using var training = new Lockstep(new OnDevice(LearnerTask.Of<TwoLayer>(), () => device), small).Run(1);
        device.Events.Clear();
        _ = (training.Hash, training.Hash);
        Assert.Single(device.Events, "wait");
        training.Run(1);
        _ = training.Hash;
        Assert.Equal(2, device.Events.Count(entry => entry == "wait"));
    }

    [Theory]
    [InlineData("gpu", "No device is named 'gpu'")]
    [InlineData("cuda:x", "No device is named 'cuda:x'")]
    [InlineData("cuda:7", "Device 'cuda:7' is not here")]
    [InlineData("cuda", "Device 'cuda:0' is not here")]
    public void Device_ThatIsNotThere_IsRefusedByName(string device, string complaint) =>
        Assert.Contains(complaint, Assert.Throws<TaskSettingException>(() => LearnerTask.Of<TwoLayer>().CreateReplica(small, device)).Message, StringComparison.Ordinal);

    private sealed record Whole(Tensor Once)
    {
        public Tensor Twice => Once * 2;
    }

    private sealed record InAnArray(Tensor[] Several);

    private sealed class InAField
    {
        private readonly Tensor hidden = zeros(1);

        public long Count => hidden.numel();
    }

    private static TheoryData<string> Those(Func<string, bool> wanted) => [.. TaskPromisesTests.Tasks.Cast<object[]>().Select(row => (string)row[0]).Where(wanted)];

    private static OnDevice TaskOf(string task) => new(TaskPromisesTests.TaskOf(task));
}

using Granary.Testing;
using Granary.Torch;
using Granary.Training.Frames;
using Granary.Training.Shards;
using Granary.Training.Tasks;

namespace Granary.Models.Tests.Devices;

/// <summary>What a GPU does with a replica, on a device whose memory is not the host's.</summary>
public class StagedDeviceTests
{
    private static readonly TrainingSpec small = new() { Task = "two-layer", Shards = 5, Settings = new Dictionary<string, string> { ["batch"] = "64" } };

    /// <summary>All tasks but word2vec, which knows none but the processor.</summary>
    public static TheoryData<string> Tasks => [.. TaskPromisesTests.Tasks.Cast<object[]>().Select(row => (string)row[0]).Where(task => !task.StartsWith("word2vec", StringComparison.Ordinal))];

    [Theory]
    [MemberData(nameof(Tasks))]
    public void Workers_WithUnevenShards_EqualOneWorker(string task) => TaskPromises.HasTheSameBitsOnAnyNumberOfWorkers(TaskOf(task), TaskPromisesTests.SpecOf(task));

    [Theory]
    [MemberData(nameof(Tasks))]
    public void Run_StoppedAndResumed_EqualsOneNeverStopped(string task) => TaskPromises.GoesOnAsIfNeverStopped(TaskOf(task), TaskPromisesTests.SpecOf(task));

    [Theory]
    [MemberData(nameof(Tasks))]
    public void Training_LeavesNoTensorsBehind(string task) => TaskPromises.LeavesNoTensorsBehind(TaskOf(task), TaskPromisesTests.SpecOf(task));

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

    [Fact]
    public void Step_OfOneWorker_CopiesNothingAndWaitsOnce()
    {
        var device = new RecordingDevice();
        using var training = new Lockstep(new OnDevice(LearnerTask.Of<TwoLayer>(), () => device), small).Run(1);
        device.Events.Clear();
        training.Run(2);
        Assert.Equal(["fetch", "fetch"], device.Events);
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
        void Compute() => fold.Compute(range, (shard, frame) =>
        {
            device.Events.Add($"shard {shard}");
            replica.ComputeGradients(new(1, 0, shard), frame);
        });
        Compute();
        device.Events.Clear();
        Compute();
        Assert.Equal(["shard 2", "shard 3", "to host", "shard 4", "to host", "wait", "wait"], device.Events);
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

    private static OnDevice TaskOf(string task) => new(TaskPromisesTests.TaskOf(task));
}

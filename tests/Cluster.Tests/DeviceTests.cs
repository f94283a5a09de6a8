using Granary.Contracts;
using Granary.LocalClusters;
using Granary.Training.Checkpoints;
using Granary.Training.Runs;

namespace Granary.Cluster.Tests;

/// <summary>Runs on a device whose memory is not the host's, from the command line on; and what is said where a device is not there.</summary>
public sealed class DeviceTests : IDisposable
{
    private static readonly string[] lm = ["lm", "--set", "batch=13", "--set", "bptt=5", "--set", "embedding=24", "--set", "hidden=24", "--set", "validate-every=4", "--set", "valid-words=2000", "--shards", "5", "--steps", "12"];
    private readonly string folder = Directory.CreateTempSubdirectory("granary-tests-").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [Fact]
    public async Task Run_OnADevice_HasOneSetOfWeightsHoweverItIsMade()
    {
        var one = await TrainAsync("one", "--workers", "1", "--checkpoint-every", "5");
        Assert.Equal("staged", one.Spec.Switches["device"]);
        foreach (var (name, how) in new[] { ("five", "--workers 5"), ("processes", "--workers 3 --processes 2"), ("coordinator", "--workers 2 --exchange coordinator") })
        {
            Assert.Equal(one.WeightsSha256, (await TrainAsync(name, how.Split(' '))).WeightsSha256);
        }
        Directory.Delete(new CheckpointStore(In("one")).Open(12).Directory, recursive: true);
        var resumed = await CommandLine.RunAsync("resume", In("one"), "--workers", "2", "--quiet");
        Assert.True(resumed.ExitCode == 0, resumed.Error);
        Assert.Equal(one.WeightsSha256, new CheckpointStore(In("one")).Latest()!.Manifest.WeightsSha256);
    }

    // The processor computes other bits, as it does for what a GPU has trained.
    [Fact]
    public async Task Run_OfADevice_GoesOnElsewhereOnlyIfThatIsWanted()
    {
        await TrainAsync("run", "--workers", "1");
        var refused = await CommandLine.RunAsync("resume", In("run"), "--steps", "14", "--device", "cpu", "--quiet");
        Assert.Equal(1, refused.ExitCode);
        Assert.Contains("The run was made with device=staged, here it is cpu", refused.Error, StringComparison.Ordinal);
        Assert.Equal(0, (await CommandLine.RunAsync("evaluate", In("run"))).ExitCode);
        var wanted = await CommandLine.RunAsync("resume", In("run"), "--steps", "14", "--device", "cpu", "--other-machine", "--quiet");
        Assert.True(wanted.ExitCode == 0, wanted.Error);
        Assert.Equal("cpu", new CheckpointStore(In("run")).Latest()!.Manifest.Spec.Switches["device"]);
    }

    // Its slot is a GPU's, as far as the cluster knows; word2vec trains on the processor there and says so.
    [Fact]
    public async Task Task_ThatKnowsNoDevices_TrainsInAnySlot()
    {
        var result = await CommandLine.RunAsync("train", "word2vec", "--device", "staged", "--steps", "2", "--out", In("run"), "--set", "dimension=20");
        Assert.True(result.ExitCode == 0, result.Error);
        Assert.Contains("device=cpu", result.Output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("--device cannot be 'cuda': this machine has no GPU that libtorch can use", "cuda")]
    [InlineData("--device cannot be 'cuda:3': this machine has no GPU that libtorch can use", "cuda:3")]
    [InlineData("--device cannot be 'gpu': it takes cpu, cuda, cuda:0 and so on (several of one kind with commas between), or auto.", "gpu")]
    [InlineData("--device cannot be 'cuda:0,cpu': it takes", "cuda:0,cpu")]
    [InlineData("--device cannot be 'cpu:7': it takes", "cpu:7")]
    public async Task Device_ThatIsNotThere_IsRefusedInOneLine(string message, string device)
    {
        var result = await CommandLine.RunAsync("train", "two-layer", "--device", device, "--out", In("run"));
        Assert.Equal(1, result.ExitCode);
        Assert.Contains(message, Assert.Single(result.Error.Split('\n', StringSplitOptions.RemoveEmptyEntries)), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Submit_OfOneMachinesDevice_IsRefused()
    {
        var result = await CommandLine.RunAsync("submit", "two-layer", "--device", "cuda:1", "--server", "http://127.0.0.1:1");
        Assert.Contains("--device cuda:1 names devices of one machine, and a cluster chooses among its own. Take cuda.", result.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Cluster_WithoutTheWantedDevice_LetsTheRunWaitAndSaysForWhat()
    {
        await using var cluster = await LocalCluster.StartAsync(2, devices: ["cpu", "staged"]);
        var nodes = await CommandLine.RunAsync("nodes", "--server", $"{cluster.Server}");
        Assert.Contains("staged", nodes.Output, StringComparison.Ordinal);
        using var client = new TrainingClient(cluster.Server);
        RunSpec Spec(string id, string device, int workers) => new() { RunId = id, Task = "two-layer", Output = In(id), Steps = 3, Device = device, Workers = workers };
        await client.SubmitAsync(Spec("waits", "cuda", 1));
        await client.SubmitAsync(Spec("waits-too", "staged", 2));
        await foreach (var entry in client.WatchAsync((await client.SubmitAsync(Spec("trains", "staged", 1))).Spec.RunId, CancellationToken.None))
        {
            Assert.NotEqual(RunState.Failed, entry.Status.State);
        }
        Assert.Equal("Waits for 1 cuda slot: the cluster has 0.", (await client.GetAsync("waits")).Reason);
        Assert.Equal("Waits for 2 staged slots: the cluster has 1.", (await client.GetAsync("waits-too")).Reason);
    }

    private async Task<CheckpointManifest> TrainAsync(string name, params string[] how)
    {
        var result = await CommandLine.RunAsync(["train", .. lm, "--device", "staged", "--quiet", "--out", In(name), .. how]);
        Assert.True(result.ExitCode == 0, result.Error);
        return new CheckpointStore(In(name)).Latest()!.Manifest;
    }

    private string In(string name) => Path.Combine(folder, name);
}

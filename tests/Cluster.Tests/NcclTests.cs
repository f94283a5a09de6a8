using System.Diagnostics;
using Granary.Training.Checkpoints;

namespace Granary.Cluster.Tests;

/// <summary>Runs whose gradients are added on devices, over a stand-in for NCCL that is compiled here.</summary>
public sealed class NcclTests : IDisposable
{
    private static readonly string[] lm = ["lm", "--device", "staged", "--set", "batch=13", "--set", "bptt=5", "--set", "embedding=24", "--set", "hidden=24", "--set", "validate-every=4", "--set", "valid-words=2000", "--shards", "5", "--steps", "12"];
    private readonly string folder = Directory.CreateTempSubdirectory("granary-tests-").FullName;
    private readonly (string Name, string Value) standIn;

    public NcclTests()
    {
        var library = In("libnccl-standin.so");
        using var compiler = Process.Start("cc", ["-O2", "-shared", "-fPIC", "-o", library, Repository.PathOf("tests/Models.Tests/Devices/Nccl/standin.c")]);
        compiler.WaitForExit();
        standIn = ("GRANARY_NCCL", library);
    }

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [Fact]
    public async Task Run_OverNccl_HasTheWeightsOfTheStagedOne()
    {
        var expected = await StagedAsync();
        var (weights, said) = await TrainAsync("one-process", [standIn], "--workers", "3", "--verbose");
        Assert.Equal(expected, weights);
        Assert.Equal(3, said.Split("adds gradients over NCCL 2.28.9").Length - 1);
        Assert.Equal(expected, (await TrainAsync("two-processes", [standIn], "--workers", "5", "--processes", "2")).Weights);
    }

    [Fact]
    public async Task Run_WhoseCommunicatorDoesNotComeAbout_GoesOnThroughTheHostAndSaysWhy()
    {
        var expected = await StagedAsync();
        foreach (var (name, environment, reason) in new[]
        {
            ("refused", new[] { standIn, ("GRANARY_STANDIN_FAIL", "ncclCommInitRankConfig") }, "adds gradients over the host, as NCCL did not come about: ncclCommInitRankConfig: invalid argument"),
            ("none", [("GRANARY_NCCL", "/nowhere.so")], "adds gradients through the host: /nowhere.so cannot be loaded."),
        })
        {
            var (weights, said) = await TrainAsync(name, environment, "--workers", "2", "--verbose");
            Assert.Equal(expected, weights);
            Assert.Contains(reason, said, StringComparison.Ordinal);
        }
    }

    [LongFact]
    public async Task Run_OverNcclWhoseProcessesAreKilled_EndsWithTheWeightsOfTheUndisturbedRun()
    {
        var result = await CommandLine.RunProcessAsync([standIn], "chaos", "two-layer", "--device", "staged", "--steps", "40", "--workers", "2", "--processes", "2", "--kills", "1", "--kinds", "kill", "--seed", "3", "--out", In("run"));
        Assert.True(result.ExitCode == 0, result.Output + result.Error);
        Assert.Contains("ok   the weights are the same", result.Output, StringComparison.Ordinal);
    }

    private async Task<string> StagedAsync()
    {
        await CommandLine.RunAsync(["train", .. lm, "--out", In("staged"), "--workers", "2"]);
        return new CheckpointStore(In("staged")).Latest()!.Manifest.WeightsSha256;
    }

    private async Task<(string Weights, string Said)> TrainAsync(string name, (string Name, string Value)[] environment, params string[] how)
    {
        var result = await CommandLine.RunProcessAsync(environment, ["train", .. lm, "--out", In(name), .. how]);
        Assert.True(result.ExitCode == 0, result.Error);
        return (new CheckpointStore(In(name)).Latest()!.Manifest.WeightsSha256, result.Output);
    }

    private string In(string name) => Path.Combine(folder, name);
}

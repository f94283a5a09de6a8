using System.Text.Json;
using Granary.Training.Checkpoints;

namespace Granary.Cluster.Tests;

/// <summary>The short plan; the long ones are in docs/reliability.md.</summary>
public sealed class ChaosTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("granary-tests-").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [Fact]
    public Task Run_UnderThreeFaults_EndsWithTheWeightsOfTheUndisturbedRun() =>
        StrikeAsync("two-layer", ["coordinator", "disk", "kill"], "--steps", "40", "--processes", "2", "--workers", "2");

    // Its model has buffers of batch normalization, and phases that hand tensors on.
    [LongFact]
    public Task Run_UnderSevenFaults_EndsWithTheWeightsOfTheUndisturbedRun() =>
        StrikeAsync("dcgan", ["coordinator", "disk", "disk-full-at-end", "flip", "kill", "redis-lost", "stop"], "--steps", "60", "--set", "batch=13", "--set", "maps=4", "--set", "size=16", "--set", "latent=8");

    [Fact]
    public async Task Run_ThatEndsWithOtherWeightsThanTheOneItRepeats_FailsAndSaysSo()
    {
        await CommandLine.RunAsync("train", "two-layer", "--steps", "20", "--out", In("run"), "--quiet");
        PretendAnotherSeed(new CheckpointStore(In("run")).Latest()!);
        var result = await CommandLine.RunAsync("chaos", In("run"), "--kills", "1", "--kinds", "slow", "--processes", "2", "--workers", "2", "--out", In("repeated"));
        Assert.Equal(1, result.ExitCode);
        Assert.Contains("NOT  the weights are the same", result.Output);
        Assert.Contains("ok   every shard counted once", result.Output);
    }

    [Theory]
    [InlineData("--kinds knows no fault 'quake'. Known: kill, stop, cut, slow, disk, coordinator, redis, redis-lost, flip, disk-full-at-end.", "two-layer", "--kinds", "kill,quake")]
    [InlineData("--kills 0 is too small: at least 1.", "two-layer", "--kills", "0")]
    [InlineData("--kills 9 is more than a run of 20 steps has room for: at most 8.", "two-layer", "--steps", "20", "--kills", "9")]
    [InlineData("--kills 2 needs other kinds, too: disk-full-at-end strikes once.", "two-layer", "--kills", "2", "--kinds", "disk-full-at-end")]
    [InlineData("--processes 1 is too small: at least 2.", "two-layer", "--processes", "1")]
    [InlineData("No training task is named 'nowhere', and no run lies in ", "nowhere")]
    public async Task Chaos_ThatCannotBe_SaysWhyInOneLineAndFails(string message, params string[] arguments)
    {
        var result = await CommandLine.RunAsync(["chaos", .. arguments, "--out", In("run")]);
        Assert.Equal(1, result.ExitCode);
        Assert.Contains(message, result.Error);
        Assert.Single(result.Error.Trim().Split('\n'));
    }

    /// <param name="kinds">Of the faults: one of each, in the order of the alphabet.</param>
    private async Task StrikeAsync(string task, string[] kinds, params string[] how)
    {
        var report = In("report.json");
        var result = await CommandLine.RunAsync(["chaos", task, .. how, "--kills", $"{kinds.Length}", "--kinds", string.Join(',', kinds), "--seed", "1", "--out", In("run"), "--report", report]);
        Assert.True(result.ExitCode == 0, result.Output + result.Error);
        Assert.Contains("ok   the weights are the same", result.Output);
        using var json = JsonDocument.Parse(File.ReadAllText(report));
        Assert.True(json.RootElement.GetProperty("holds").GetBoolean());
        Assert.Equal(kinds, json.RootElement.GetProperty("faults").EnumerateArray().Select(fault => fault.GetProperty("kind").GetString()).Order(StringComparer.Ordinal));
    }

    private string In(string name) => Path.Combine(folder, name);

    private static void PretendAnotherSeed(Checkpoint made)
    {
        var other = made.Manifest with { Spec = made.Manifest.Spec with { Seed = made.Manifest.Spec.Seed + 1 } };
        File.WriteAllBytes(Path.Combine(made.Directory, CheckpointManifest.FileName), other.ToBytes());
    }
}

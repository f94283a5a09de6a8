using System.Diagnostics;
using System.Net;
using System.Text.Json;
using System.Text.RegularExpressions;
using Granary.Client.Views;
using Granary.LocalClusters;
using Granary.Training.Checkpoints;

namespace Granary.Cluster.Tests.Client;

/// <summary><c>granary run-job</c> as a batch system runs it: started, told to end, killed, started again with the same words.</summary>
public sealed partial class RunJobTests : IDisposable
{
    private const string Steps = "1500";
    private readonly string folder = Directory.CreateTempSubdirectory("granary-tests-").FullName;

    private string Output => Path.Combine(folder, "job");

    private string[] Job => ["run-job", "two-layer", "--steps", Steps, "--checkpoint-every", "250", "--workers", "2", "--out", Output];

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [Fact]
    public async Task Process_ToldToEndAndStartedAgain_GoesOnToTheSameWeights_AndDoesNotTouchAnotherRun()
    {
        using (var first = await StartAsync(Job))
        {
            Signals.Send(first, Signals.Terminate);
            Assert.Equal(ExitCode.Interrupted, (await CommandLine.EndAsync(first)).ExitCode);
        }
        var left = new CheckpointStore(Output).Latest()!.Manifest.Step;

        var other = await CommandLine.RunAsync([.. Job, "--seed", "2"]);
        Assert.Equal((ExitCode.Failed, 1), (other.ExitCode, other.Error.Trim().Split('\n').Length));
        Assert.Contains($"--out {Output} holds a run of 'two-layer' with other", other.Error);

        var second = await CommandLine.RunAsync(Job);
        Assert.True(second.ExitCode == ExitCode.Done, second.Error);
        Assert.Contains($"Training from step {left}.", second.Output);
        Assert.Equal(await UndisturbedAsync(), Weights);
    }

    [Fact]
    public async Task TwoProcesses_OfWhichOneIsKilledAndReplaced_BothEndWellWithTheSameWeights()
    {
        await using var redis = await RedisProcess.StartAsync(IPAddress.Loopback, folder);
        string[][] jobs = [[.. Job, "--config", Configure("member-0", redis)], [.. Job, "--config", Configure("member-1", redis)]];
        using var stays = CommandLine.Start(jobs[0]);
        using (var goes = await StartAsync(jobs[1]))
        {
            goes.Kill();
            await goes.WaitForExitAsync();
        }
        using var comes = CommandLine.Start(jobs[1]);
        var ends = await Task.WhenAll(CommandLine.EndAsync(stays), CommandLine.EndAsync(comes));

        Assert.All(ends, end => Assert.True(end.ExitCode == ExitCode.Done, end.Error));
        Assert.Matches(LostMember(), ends[0].Output);
        Assert.Equal(await UndisturbedAsync(), Weights);
    }

    private string Weights => new CheckpointStore(Output).Latest()!.Manifest.WeightsSha256;

    private async Task<string> UndisturbedAsync()
    {
        var run = Path.Combine(folder, "undisturbed");
        await CommandLine.RunAsync("train", "two-layer", "--steps", Steps, "--workers", "1", "--quiet", "--out", run);
        return new CheckpointStore(run).Latest()!.Manifest.WeightsSha256;
    }

    private string Configure(string name, RedisProcess redis)
    {
        var (ports, file) = (FreePorts.Take(4), Path.Combine(folder, $"{name}.json"));
        File.WriteAllText(file, JsonSerializer.Serialize(new
        {
            Granary = new
            {
                Cluster = new { ClusterId = "job", Redis = redis.Address, SiloPort = ports[0], GrpcPort = ports[1], HttpPort = ports[2] },
                Node = new { Name = name, DataPort = ports[3] },
            },
        }));
        return file;
    }

    /// <summary>Waits for the run's first checkpoint.</summary>
    private async Task<Process> StartAsync(string[] job)
    {
        var written = new TaskCompletionSource();
        using var watcher = new FileSystemWatcher(folder) { IncludeSubdirectories = true, NotifyFilter = NotifyFilters.DirectoryName };
        watcher.Renamed += (_, renamed) => Tell(renamed.FullPath);
        watcher.Created += (_, created) => Tell(created.FullPath);
        watcher.EnableRaisingEvents = true;
        var process = CommandLine.Start(job);
        await Task.WhenAny(written.Task, process.WaitForExitAsync()).WaitAsync(TimeSpan.FromMinutes(2));
        Assert.True(written.Task.IsCompleted, "The process has ended without a checkpoint.");
        return process;

        void Tell(string path)
        {
            if (CheckpointFolder().IsMatch(path))
            {
                written.TrySetResult();
            }
        }
    }

    [GeneratedRegex(@"/checkpoints/\d{8}$")]
    private static partial Regex CheckpointFolder();

    [GeneratedRegex("Lost member-1/0")]
    private static partial Regex LostMember();
}

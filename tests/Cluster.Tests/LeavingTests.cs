using Granary.Contracts;
using Granary.LocalClusters;
using Granary.Training.Checkpoints;

namespace Granary.Cluster.Tests;

/// <summary>Silo processes that are told to end while they train.</summary>
public sealed class LeavingTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("granary-tests-").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [Fact]
    public async Task Silos_ToldToEndOneAfterTheOther_HandOverAndTheLastLeavesACheckpointOfItsVeryStep()
    {
        var run = Path.Combine(folder, "run");
        long stoppedAt;
        await using (var cluster = await ProcessCluster.StartAsync(processes: 2, workers: 2))
        {
            using var client = new TrainingClient(cluster.Server);
            using var watcher = new TrainingClient(cluster.Silos[1].Server);
            await client.SubmitAsync(new() { RunId = "run", Task = "two-layer", Steps = 100_000_000, Workers = 2, Output = run });
            await WaitAsync(client, status => status.Step > 0);
            await using var watched = watcher.WatchAsync("run").GetAsyncEnumerator();
            Assert.True(await watched.MoveNextAsync());
            Assert.Equal(0, await EndAsync(cluster.Silos[1]));
            var alone = await WaitAsync(client, status => status is { State: RunState.Running, Slots: [var only] } && only.StartsWith("silo-0/", StringComparison.Ordinal));
            stoppedAt = (await WaitAsync(client, status => status.Step > alone.Step)).Step;
            Assert.Equal(0, await EndAsync(cluster.Silos[0]));
        }
        var left = new CheckpointStore(run).Latest()!.Manifest.Step;
        Assert.True(left >= stoppedAt, $"The checkpoint is of step {left}, the run had been at step {stoppedAt}.");
        var resumed = await CommandLine.RunAsync("resume", run, "--steps", $"{left + 10}");
        Assert.Contains($"Training from step {left}.", resumed.Output);
        await CommandLine.RunAsync("train", "two-layer", "--steps", $"{left + 10}", "--out", Path.Combine(folder, "undisturbed"), "--quiet");
        Assert.Equal(
            new CheckpointStore(Path.Combine(folder, "undisturbed")).Latest()!.Manifest.WeightsSha256,
            new CheckpointStore(run).Latest()!.Manifest.WeightsSha256);
    }

    private static async Task<int> EndAsync(SiloProcess silo)
    {
        Signals.Send(silo.Process, Signals.Terminate);
        // A server that waits for clients to go gives that up after a minute.
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(40));
        await silo.Process.WaitForExitAsync(patience.Token);
        return silo.Process.ExitCode;
    }

    private static async Task<RunStatus> WaitAsync(TrainingClient client, Func<RunStatus, bool> condition)
    {
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        await foreach (var entry in client.WatchAsync("run", patience.Token))
        {
            if (condition(entry.Status))
            {
                return entry.Status;
            }
        }
        throw new InvalidOperationException("The run has ended.");
    }
}

using Granary.Contracts;
using Granary.LocalClusters;

namespace Granary.Cluster.Tests;

/// <summary>Silo processes with Redis membership, spoken to through gRPC and HTTP only.</summary>
public sealed class RealClusterTests : IAsyncLifetime
{
    private readonly string folder = Directory.CreateTempSubdirectory("granary-tests-").FullName;
    private ProcessCluster cluster = null!;

    public async Task InitializeAsync() => cluster = await ProcessCluster.StartAsync(processes: 2, workers: 4);

    public async Task DisposeAsync()
    {
        await cluster.DisposeAsync();
        Directory.Delete(folder, recursive: true);
    }

    [Fact]
    public async Task Cluster_TakesWatchesListsAndCancelsRuns()
    {
        var server = cluster.Server.ToString();
        var submitted = await CommandLine.RunAsync("submit", "two-layer", "--steps", "30", "--out", Path.Combine(folder, "short"), "--server", server, "--wait");
        Assert.Equal(0, submitted.ExitCode);
        Assert.Contains("succeeded at step 30 of 30", submitted.Output);

        var endless = await CommandLine.RunAsync("submit", "two-layer", "--steps", "100000000", "--out", Path.Combine(folder, "endless"), "--id", "endless", "--server", server);
        Assert.Equal("endless", endless.Output.Trim());
        using var client = new TrainingClient(cluster.Server);
        await foreach (var entry in client.WatchAsync("endless"))
        {
            if (entry.Status.Step > 0)
            {
                break;
            }
        }
        Assert.Contains("running", (await CommandLine.RunAsync("list", "--server", server)).Output);
        Assert.Contains("stopping", (await CommandLine.RunAsync("cancel", "endless", "--server", server)).Output);
        var watched = await CommandLine.RunAsync("watch", "endless", "--server", server);
        Assert.Equal(130, watched.ExitCode);
        Assert.Equal(RunState.Cancelled, (await client.GetAsync("endless")).State);
        Assert.Contains("No run is named 'nobody'", (await CommandLine.RunAsync("watch", "nobody", "--server", server)).Error);

        await ChangeAsync(client, server);

        using var http = new HttpClient();
        var metrics = await http.GetStringAsync(new Uri(cluster.Metrics, "/metrics")) + await http.GetStringAsync(new Uri(cluster.Metrics, "/healthz"));
        Assert.Contains("training_", metrics);
        Assert.Contains("Healthy", metrics);
    }

    private async Task ChangeAsync(TrainingClient client, string server)
    {
        await CommandLine.RunAsync("submit", "two-layer", "--steps", "100000000", "--out", Path.Combine(folder, "changing"), "--id", "changing", "--server", server);
        using var patience = new CancellationTokenSource(TimeSpan.FromMinutes(3));
        await using var course = client.WatchAsync("changing", patience.Token).GetAsyncEnumerator();
        await WaitAsync(course, status => status is { State: RunState.Running, Slots.Count: 2 });
        Assert.Contains("4 workers wanted", (await CommandLine.RunAsync("scale", "changing", "4", "--server", server)).Output);
        await WaitAsync(course, status => status is { State: RunState.Running, Slots.Count: 4 });
        Assert.Contains("'workers' cannot be '5'", (await CommandLine.RunAsync("scale", "changing", "5", "--server", server)).Error);

        Assert.Contains("No node is named 'silo-9'. The cluster has: silo-0, silo-1.", (await CommandLine.RunAsync("drain", "silo-9", "--server", server)).Error);
        Assert.Contains("draining", (await CommandLine.RunAsync("drain", "silo-1", "--server", server)).Output);
        await WaitAsync(course, status => status is { State: RunState.Running, Slots.Count: 2, Processes: 1 });
        Assert.DoesNotContain("draining", (await CommandLine.RunAsync("drain", "silo-1", "--undo", "--server", server)).Output);
        await WaitAsync(course, status => status is { State: RunState.Running, Slots.Count: 4, Processes: 2 });

        await CommandLine.RunAsync("pause", "changing", "--reason", "Lunch.", "--server", server);
        await WaitAsync(course, status => status is { State: RunState.Paused, Reason: "Lunch." });
        Assert.Contains("paused", (await CommandLine.RunAsync("list", "--server", server)).Output);
        Assert.Equal(0, (await CommandLine.RunAsync("resume", "changing", "--server", server)).ExitCode);
        await WaitAsync(course, status => status.State == RunState.Running);
        await CommandLine.RunAsync("cancel", "changing", "--server", server);
        await WaitAsync(course, status => status.State == RunState.Cancelled);
    }

    /// <summary>Goes on in the course of events until one is as it should be.</summary>
    private static async Task WaitAsync(IAsyncEnumerator<RunEvent> course, Func<RunStatus, bool> condition)
    {
        do
        {
            Assert.True(await course.MoveNextAsync(), "The run ended before it was as it should become.");
        }
        while (!condition(course.Current.Status));
    }
}

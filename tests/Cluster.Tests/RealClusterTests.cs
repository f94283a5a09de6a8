using Granary.Client;
using Granary.Contracts;
using Granary.Silo.Clusters;

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

        var endless = await CommandLine.RunAsync("submit", "two-layer", "--steps", "100000000", "--out", Path.Combine(folder, "endless"), "--server", server);
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

        using var http = new HttpClient();
        var metrics = await http.GetStringAsync(new Uri(cluster.Metrics, "/metrics")) + await http.GetStringAsync(new Uri(cluster.Metrics, "/healthz"));
        Assert.Contains("training_", metrics);
        Assert.Contains("Healthy", metrics);
    }
}

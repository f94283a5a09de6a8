using System.Net;
using Granary.Contracts;
using Granary.LocalClusters;
using Granary.Training.Runs;

namespace Granary.Cluster.Tests.Page;

/// <summary>The page of a cluster, while it trains.</summary>
public sealed class LivePageTests : IAsyncLifetime
{
    private readonly string folder = Directory.CreateTempSubdirectory("granary-tests-").FullName;
    private LocalCluster cluster = null!;
    private TrainingClient client = null!;
    private PageClient page = null!;

    public async Task InitializeAsync()
    {
        cluster = await LocalCluster.StartAsync(2);
        (client, page) = (new(cluster.Server), new(cluster.Page));
    }

    public async Task DisposeAsync()
    {
        page.Dispose();
        client.Dispose();
        await cluster.DisposeAsync();
        Directory.Delete(folder, recursive: true);
    }

    [Fact]
    public async Task Run_IsFollowedToItsEnd_PausedResumedScaledAndCancelledOnThePage()
    {
        var spec = new RunSpec { RunId = "first", Task = "two-layer", Workers = 2, Steps = 5_000_000, Output = Path.Combine(folder, "first") };
        await client.SubmitAsync(spec);
        using var stream = await EventStream.OpenAsync(page.Http, "/api/stream?run=first");
        Assert.Equal("first", (string?)(await stream.NextAsync("snapshot"))["runs"]![0]!["id"]);
        var points = await stream.NextAsync("points");
        Assert.True((double)points["metrics"]!["loss"]! > 0 && (int)points["step"]! > 0 && (double)points["seconds"]! >= 0);

        Assert.Equal(cluster.Server.Port, (int)(await page.GetAsync("/api/me"))["gatewayPort"]!);
        var run = await page.GetAsync("/api/runs/first");
        Assert.Equal(("running", true, false), ((string?)run["state"], (bool)run["canPause"]!, (bool)run["canResume"]!));
        Assert.Equal([0, 2], run["slots"]!.AsArray().Select(slot => (int)slot!["firstShard"]!).Order());
        var nodes = (await page.GetAsync("/api/cluster"))["nodes"]!.AsArray();
        Assert.All(nodes, node => Assert.Equal("first", (string?)node!["slots"]![0]!["run"]));
        Assert.All(nodes, node => Assert.InRange((long)node!["memoryUsed"]!, 1, (long)node["memoryLimit"]!));

        await ChangeAsync("scale", new { workers = 1 });
        Assert.Equal("Round 2 with 1 worker.", (string?)await EventAsync(stream, "round"));
        await ChangeAsync("pause");
        await StateAsync(stream, "paused");
        await ChangeAsync("resume");
        await StateAsync(stream, "running");
        await ChangeAsync("cancel");
        while ((string?)(await stream.NextAsync("event"))["state"] != "cancelled")
        {
        }
        Assert.Equal(HttpStatusCode.BadRequest, (await page.PostAsync("/api/runs/first/scale", new { workers = 99 })).StatusCode);
        Assert.Equal(HttpStatusCode.NotFound, (await page.PostAsync("/api/nodes/nowhere/drain")).StatusCode);

        // What has happened lies in the directory: for the page, the command line and whoever comes when the cluster is gone.
        var log = await client.LogAsync("first");
        Assert.Equal(log.Select(entry => entry.Message), (await page.GetAsync("/api/runs/first/events"))["events"]!.AsArray().Select(entry => (string?)entry!["message"]));
        Assert.Equal("Waiting for 2 free slots.", log[0].Message);
        Assert.Equal("Cancelled on the page.", log[^1].Message);
        var printed = await CommandLine.RunAsync("logs", "first", "--follow", "--server", cluster.Server.ToString());
        Assert.Equal((0, log.Count), (printed.ExitCode, printed.Output.Trim().Split('\n').Length));
        Assert.EndsWith("cancelled: Cancelled on the page.\n", printed.Output, StringComparison.Ordinal);
        Assert.Contains("loss", (await page.GetAsync("/api/runs/first/curves"))["curves"]!.AsObject().Select(curve => curve.Key));
    }

    [Fact]
    public async Task RunThatWaits_StandsInTheQueue()
    {
        await client.SubmitAsync(new() { RunId = "large", Task = "two-layer", Workers = 4, Steps = 10, Output = Path.Combine(folder, "large"), Priority = 3 });
        string? waits;
        do
        {
            var queue = (await page.GetAsync("/api/cluster"))["queue"]!.AsArray();
            waits = (string?)queue.Single()!["waits"];
            Assert.Equal(("large", 3), ((string?)queue[0]!["run"], (int)queue[0]!["priority"]!));
        }
        while (waits == "Waiting for 4 free slots.");
        Assert.Contains("slots", waits, StringComparison.Ordinal);
        await client.CancelAsync("large", "");
    }

    private async Task ChangeAsync(string verb, object? content = null) => Assert.Equal(HttpStatusCode.OK, (await page.PostAsync($"/api/runs/first/{verb}", content)).StatusCode);

    private static async Task<string?> EventAsync(EventStream stream, string kind)
    {
        while (true)
        {
            var entry = await stream.NextAsync("event");
            if ((string?)entry["kind"] == kind)
            {
                return (string?)entry["message"];
            }
        }
    }

    private static async Task StateAsync(EventStream stream, string state)
    {
        while ((string?)(await stream.NextAsync("run"))["state"] != state)
        {
        }
    }
}

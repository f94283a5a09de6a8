using System.IO.Compression;
using System.Net;
using Granary.Cluster.Tests.Page;
using Granary.Contracts;
using Granary.Grains.Nodes;
using Granary.LocalClusters;
using Granary.Silo;
using Granary.Training.Runs;
using Grpc.Core;
using Grpc.Net.Client;
using Grpc.Net.Compression;

namespace Granary.Cluster.Tests.Security;

/// <summary>What is refused for a limit names it.</summary>
public sealed class LimitTests : IAsyncLifetime
{
    private static readonly LimitOptions limits = new()
    {
        Runs = 2, Workers = 2, Shards = 8, Steps = 900_000_000, ModelBytes = 4 << 20, MessageBytes = 100_000, Watches = 3, WatchesOfOne = 2, WatchPatience = TimeSpan.FromSeconds(1),
    };

    private readonly string folder = Directory.CreateTempSubdirectory("granary-tests-").FullName;
    private LocalCluster cluster = null!;
    private TrainingClient client = null!;

    public async Task InitializeAsync()
    {
        cluster = await LocalCluster.StartAsync(silos: 1, slots: 1, GranaryEnvironment.ForTraining() with { Limits = limits });
        client = new(cluster.Server);
    }

    public async Task DisposeAsync()
    {
        client.Dispose();
        await cluster.DisposeAsync();
        Directory.Delete(folder, recursive: true);
    }

    [Fact]
    public async Task Spec_AboveALimit_IsRefusedByItsName()
    {
        foreach (var (name, spec) in new (string, RunSpec)[]
        {
            ("Granary:Limits:Workers", Run("a") with { Workers = 3 }),
            ("Granary:Limits:Shards", Run("a") with { Shards = 9 }),
            ("Granary:Limits:Steps", Run("a") with { Steps = 1_000_000_001 }),
        })
        {
            await AssertRefusedAsync(StatusCode.InvalidArgument, name, () => client.SubmitAsync(spec));
        }
        Assert.Empty(await client.ListAsync());

        await client.SubmitAsync(Run("a"));
        await AssertRefusedAsync(StatusCode.InvalidArgument, "Granary:Limits:Workers", () => client.ScaleAsync("a", 3));
        using var page = new PageClient(cluster.Page);
        var refused = await page.PostAsync("/api/runs/a/scale", new { workers = 3 });
        Assert.Equal(HttpStatusCode.BadRequest, refused.StatusCode);
        Assert.Contains("Granary:Limits:Workers", await refused.Content.ReadAsStringAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Run_ThatTurnsOutTooLargeOrTooLong_FailsByTheLimitsName()
    {
        Assert.Contains("Granary:Limits:ModelBytes", (await EndAsync(Run("large") with { Settings = new Dictionary<string, string> { ["hidden"] = "10000" } })).Reason, StringComparison.Ordinal);
        Assert.Contains("Granary:Limits:Steps", (await EndAsync(Run("long") with { Steps = null, Epochs = 1_000_000_000 })).Reason, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Runs_MoreThanMayBeAtOnce_AreRefusedUntilOneHasEnded()
    {
        await client.SubmitAsync(Run("a"));
        await client.SubmitAsync(Run("b"));
        await AssertRefusedAsync(StatusCode.ResourceExhausted, "2 (Granary:Limits:Runs)", () => client.SubmitAsync(Run("c")));
        Assert.Equal(2, (await client.ListAsync()).Count);
        // What is there already is no further run.
        await client.SubmitAsync(Run("b"));
        await client.CancelAsync("a", "", now: true);
        await foreach (var _ in client.WatchAsync("a"))
        {
        }
        for (var tries = 0; ; tries++)
        {
            try
            {
                await client.SubmitAsync(Run("c"));
                break;
            }
            catch (RpcException full) when (full.StatusCode == StatusCode.ResourceExhausted && tries < 100)
            {
                // The run has ended, and is about to give its place back.
                await Task.Yield();
            }
        }
    }

    [Fact]
    public async Task Message_ThatUnpacksItself_IsRefused()
    {
        using var channel = GrpcChannel.ForAddress(cluster.Server, new() { CompressionProviders = [new GzipCompressionProvider(CompressionLevel.Fastest)] });
        var packed = new Metadata { { "grpc-internal-encoding-request", "gzip" } };
        await AssertRefusedAsync(StatusCode.Unimplemented, "Packed messages", async () => await new V1.Runs.RunsClient(channel).SubmitAsync(new() { Spec = Run("a").ToWire() }, packed));
    }

    [Fact]
    public async Task Watches_MoreThanMayBeAtOnce_AreRefused()
    {
        await client.SubmitAsync(Run("a"));
        using var channel = GrpcChannel.ForAddress(cluster.Server);
        using var first = await WatchAsync(channel);
        using var second = await WatchAsync(channel);
        await AssertRefusedAsync(StatusCode.ResourceExhausted, "2 (Granary:Limits:WatchesOfOne)", () => WatchAsync(channel));
        using var another = GrpcChannel.ForAddress(cluster.Server);
        using var third = await WatchAsync(another);
        await AssertRefusedAsync(StatusCode.ResourceExhausted, "3 (Granary:Limits:Watches)", () => WatchAsync(another));
    }

    [Fact]
    public async Task Watch_ThatNeverReads_EndsAndGivesItsPlaceBack()
    {
        await client.SubmitAsync(Run("a"));
        using var channel = GrpcChannel.ForAddress(cluster.Server);
        using var asleep = await WatchAsync(channel);
        using var awake = await WatchAsync(channel);
        var reading = ReadOnAsync(awake);
        // Until there is more to read than the windows of both ends hold, and then until the sleeper's place is free again.
        for (var places = 0; places == 0;)
        {
            await client.ScaleAsync("a", 1);
            try
            {
                using var next = await WatchAsync(channel);
                places++;
            }
            catch (RpcException full) when (full.StatusCode == StatusCode.ResourceExhausted)
            {
            }
        }
        var gone = await Assert.ThrowsAsync<RpcException>(() => ReadOnAsync(asleep));
        Assert.True(TrainingClient.MayPass(gone), $"{gone}");
        Assert.False(reading.IsCompleted);
        Assert.Equal(RunState.Running, (await client.GetAsync("a")).State);
    }

    private RunSpec Run(string id) => new() { RunId = id, Task = "two-layer", Output = Path.Combine(folder, id), Steps = 100_000_000 };

    private async Task<RunStatus> EndAsync(RunSpec spec)
    {
        var run = await client.SubmitAsync(spec);
        await foreach (var entry in client.WatchAsync(run))
        {
            run = entry.Status;
        }
        return run;
    }

    /// <summary>A watch that has had its first event.</summary>
    private static async Task<AsyncServerStreamingCall<V1.Event>> WatchAsync(GrpcChannel channel)
    {
        var watch = new V1.Runs.RunsClient(channel).Watch(new() { RunId = "a" });
        await watch.ResponseStream.MoveNext(default);
        return watch;
    }

    private static async Task ReadOnAsync(AsyncServerStreamingCall<V1.Event> watch)
    {
        while (await watch.ResponseStream.MoveNext(default))
        {
        }
    }

    private static async Task AssertRefusedAsync(StatusCode status, string name, Func<Task> call)
    {
        var refused = await Assert.ThrowsAsync<RpcException>(call);
        Assert.Equal(status, refused.StatusCode);
        Assert.Contains(name, refused.Status.Detail, StringComparison.Ordinal);
    }
}

using System.Net.Sockets;
using Granary.Contracts;
using Granary.LocalClusters;
using Grpc.Core;
using Grpc.Net.Client;

namespace Granary.Cluster.Tests.Security;

/// <summary>Strangers at the gateway's ports while a run is under way.</summary>
public sealed class FloodTests : IAsyncLifetime
{
    private const int Strangers = 500, MostMemory = 50 << 20;
    private readonly string folder = Directory.CreateTempSubdirectory("granary-tests-").FullName;
    private ProcessCluster cluster = null!;

    private string Process => $"/proc/{cluster.Silos[0].Process.Id}";

    private int Connections => Directory.GetFiles($"{Process}/fd").Length;

    private long Memory => 1024 * long.Parse(File.ReadLines($"{Process}/status").First(line => line.StartsWith("VmRSS:", StringComparison.Ordinal)).Split(' ', StringSplitOptions.RemoveEmptyEntries)[1]);

    public async Task InitializeAsync() => cluster = await ProcessCluster.StartAsync(new ProcessClusterOptions
    {
        Processes = 1,
        Workers = 1,
        Environment = new Dictionary<string, string> { ["Granary__Limits__IdleTime"] = "00:00:03" },
    });

    public async Task DisposeAsync()
    {
        await cluster.DisposeAsync();
        Directory.Delete(folder, recursive: true);
    }

    [Fact]
    public async Task Gateway_Amid1000IdleAnd1000BabblingConnections_GoesOnAndIsRidOfThem()
    {
        using var client = new TrainingClient(cluster.Server);
        await client.SubmitAsync(new() { RunId = "run", Task = "two-layer", Output = Path.Combine(folder, "run"), Steps = 100_000_000 });
        await using var course = client.WatchAsync("run").GetAsyncEnumerator();
        // Until the silo has its size.
        await StepAsync(course, step => step > 1_000);
        var (connections, memory, step) = (Connections, Memory, course.Current.Status.Step);

        var strangers = new List<TcpClient>();
        var (most, mostMemory) = (0, 0L);
        foreach (var uri in Enumerable.Repeat(new[] { cluster.Server, cluster.Metrics }, Strangers).SelectMany(both => both))
        {
            strangers.AddRange([await ConnectAsync(uri), await ConnectAsync(uri)]);
            Babble(strangers[^1]);
            if (strangers.Count % 200 == 0)
            {
                (most, mostMemory) = (Math.Max(most, Connections), Math.Max(mostMemory, Memory));
            }
        }
        // The strangers stay; the silo does not keep them.
        while (Connections > connections + 5)
        {
            strangers.Where((_, index) => index % 2 == 1).ToList().ForEach(Babble);
            await StepAsync(course, _ => true);
            (most, mostMemory) = (Math.Max(most, Connections), Math.Max(mostMemory, Memory));
        }
        // They were there, and some were closed sooner than this could count them.
        Assert.InRange(most - connections, 100, 4 * Strangers);
        Assert.InRange(mostMemory - memory, long.MinValue, MostMemory);
        await StepAsync(course, now => now > step);
        using var another = new TrainingClient(cluster.Server);
        Assert.Equal((RunState.Running, 1L), (await another.GetAsync("run") is var run ? run.State : default, run.Round));
        strangers.ForEach(stranger => stranger.Dispose());
    }

    [Fact]
    public async Task Gateway_SentSpecsOf100MB_RefusesThemByTheLimitsName_AndTakesNoMemory()
    {
        using var channel = GrpcChannel.ForAddress(cluster.Server, new() { MaxSendMessageSize = null });
        var huge = new V1.SubmitRequest { Spec = new() { RunId = "run", Task = "two-layer", Output = Path.Combine(folder, "run") } };
        huge.Spec.Settings.Add("hidden", new string('9', 100 << 20));
        await RefuseAsync(new() { Spec = new(huge.Spec) { Settings = { ["hidden"] = new string('9', 1 << 20) } } });
        var memory = Memory;
        for (var i = 0; i < 3; i++)
        {
            await RefuseAsync(huge);
            Assert.InRange(Memory - memory, long.MinValue, MostMemory);
        }

        async Task RefuseAsync(V1.SubmitRequest request)
        {
            var refused = await Assert.ThrowsAsync<RpcException>(async () => await new V1.Runs.RunsClient(channel).SubmitAsync(request));
            Assert.Equal(StatusCode.ResourceExhausted, refused.StatusCode);
            Assert.Contains("more than 262144 bytes (Granary:Limits:MessageBytes)", refused.Status.Detail, StringComparison.Ordinal);
        }
    }

    private static async Task<TcpClient> ConnectAsync(Uri uri)
    {
        var stranger = new TcpClient();
        await stranger.ConnectAsync(uri.Host, uri.Port);
        return stranger;
    }

    private static void Babble(TcpClient stranger)
    {
        try
        {
            var noise = new byte[40];
            Random.Shared.NextBytes(noise);
            stranger.Client.Send(noise, SocketFlags.None);
        }
        catch (SocketException)
        {
            // Shown the door.
        }
    }

    private static async Task StepAsync(IAsyncEnumerator<RunEvent> course, Func<long, bool> condition)
    {
        do
        {
            Assert.True(await course.MoveNextAsync());
        }
        while (!condition(course.Current.Status.Step));
    }
}

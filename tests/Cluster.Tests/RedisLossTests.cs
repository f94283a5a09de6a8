using System.Diagnostics;
using Granary.Contracts;
using Granary.LocalClusters;

namespace Granary.Cluster.Tests;

/// <summary>Silo processes whose Redis forgets them, and silos that all die at once.</summary>
public sealed class RedisLossTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("granary-tests-").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [Fact]
    public async Task Redis_ThatLosesItsDataUnderARun_GetsThemBack_AndANewSiloJoinsTheOneCluster()
    {
        await using var cluster = await ProcessCluster.StartAsync(processes: 3, workers: 3);
        RunStatus before;
        using (var any = new TrainingClient(cluster.Server))
        {
            await any.SubmitAsync(new() { RunId = "run", Task = "two-layer", Steps = 100_000_000, Workers = 1, Output = Path.Combine(folder, "run") });
            before = await WaitAsync(any, status => status.Step > 0);
        }

        // One that neither coordinates nor trains: what the others know is what is at stake.
        var idle = cluster.Silos.First(silo => silo.Name != before.Coordinator && !before.Slots[0].StartsWith(silo.Name, StringComparison.Ordinal));
        Signals.Send(idle.Process, Signals.Kill);
        await idle.Process.WaitForExitAsync();
        await cluster.Redis!.LoseDataAsync();
        await cluster.RestartAsync(idle);

        using var client = new TrainingClient(cluster.Silos.First(silo => silo != idle).Server);
        using var newcomer = new TrainingClient(idle.Server);
        foreach (var silo in (TrainingClient[])[client, newcomer])
        {
            await WaitForAsync(async () => await silo.NodesAsync() is { Count: 3 } && await silo.ListAsync() is [{ Spec.RunId: "run" }]);
        }
        Assert.False((await newcomer.SubmitAsync(new() { RunId = "next", Task = "two-layer", Steps = 100_000_000, Workers = 1, Output = Path.Combine(folder, "next") })).HasEnded);
        var during = await WaitAsync(newcomer, status => status.Step > before.Step);
        Assert.Equal((RunState.Running, before.Round), (during.State, during.Round));
        await client.CancelAsync("run", "Enough.");
        Assert.Equal(RunState.Cancelled, (await WaitAsync(newcomer, status => status.HasEnded)).State);
    }

    [Fact]
    public async Task Silos_ThatAllDieAtOnce_DoNotHoldUpThoseThatComeAfterThem()
    {
        var options = new ProcessClusterOptions { Processes = 2, Workers = 2 };
        var began = Stopwatch.GetTimestamp();
        await using var dead = await ProcessCluster.StartAsync(options);
        var start = Stopwatch.GetElapsedTime(began);
        foreach (var silo in dead.Silos)
        {
            Signals.Send(silo.Process, Signals.Kill);
        }
        var killed = Stopwatch.GetTimestamp();
        // At other addresses: at their own they would end the lives before at once.
        await using var next = await ProcessCluster.StartAsync(options with { Redis = dead.Redis!.Address });
        Assert.InRange(Stopwatch.GetElapsedTime(killed) - start, -start, TimeSpan.FromSeconds(15));
        using var client = new TrainingClient(next.Server);
        await WaitForAsync(async () => await client.NodesAsync() is { Count: 2 });
    }

    private static async Task WaitForAsync(Func<Task<bool>> condition)
    {
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(20));
        using var timer = new PeriodicTimer(TimeSpan.FromMilliseconds(100));
        while (!await condition())
        {
            await timer.WaitForNextTickAsync(patience.Token);
        }
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

using Granary.Contracts;
using Granary.LocalClusters;
using Granary.Training.Checkpoints;
using Granary.Training.Runs;

namespace Granary.Cluster.Tests;

/// <summary>Three clusters to compare: five silos in this process; two silo processes; three silo processes. Started on first use.</summary>
public sealed class Clusters : IAsyncLifetime
{
    public const int MostWorkers = 5;
    private readonly Dictionary<int, Task<IRunCluster>> clusters = [];
    private int runs;

    public string Folder { get; } = Directory.CreateTempSubdirectory("granary-tests-").FullName;

    public Task InitializeAsync() => Task.CompletedTask;

    public async Task DisposeAsync()
    {
        foreach (var cluster in clusters.Values)
        {
            await (await cluster).DisposeAsync();
        }
        Directory.Delete(Folder, recursive: true);
    }

    /// <summary>Runs to the end on a cluster of so many processes, in a run directory of its own unless the spec resumes one.</summary>
    public async Task<RunStatus> RunAsync(int processes, RunSpec spec)
    {
        spec = spec with { RunId = $"run-{Interlocked.Increment(ref runs)}" };
        using var client = new TrainingClient((await ClusterAsync(processes)).Server);
        await client.SubmitAsync(spec.Resume ? spec : spec with { Output = Path.Combine(Folder, spec.RunId) });
        using var timeout = new CancellationTokenSource(TimeSpan.FromMinutes(8));
        RunStatus? last = null;
        await foreach (var entry in client.WatchAsync(spec.RunId, timeout.Token))
        {
            last = entry.Status;
        }
        return last!.State == RunState.Succeeded ? last : throw new InvalidOperationException($"The run is {last.State}: {last.Reason}");
    }

    /// <summary>A new run directory that holds one checkpoint of another.</summary>
    public string CopyCheckpoint(string runDirectory, long step)
    {
        var source = new CheckpointStore(runDirectory).Open(step).Directory;
        var copy = Path.Combine(Folder, $"{Path.GetFileName(runDirectory)}-from-{step}-{Interlocked.Increment(ref runs)}");
        var target = Directory.CreateDirectory(Path.Combine(copy, "checkpoints", Path.GetFileName(source)));
        foreach (var file in Directory.EnumerateFiles(source))
        {
            File.Copy(file, Path.Combine(target.FullName, Path.GetFileName(file)));
        }
        return copy;
    }

    public Task<IRunCluster> ClusterAsync(int processes)
    {
        if (!clusters.TryGetValue(processes, out var cluster))
        {
            clusters.Add(processes, cluster = StartAsync(processes));
        }
        return cluster;
    }

    private static async Task<IRunCluster> StartAsync(int processes) => processes == 1
        ? await LocalCluster.StartAsync(MostWorkers)
        : await ProcessCluster.StartAsync(processes, MostWorkers);
}

using System.Net;
using Granary.Silo.Settings;

namespace Granary.LocalClusters;

/// <summary>A cluster of processes on this machine: silos with Redis membership, as on many machines.</summary>
public sealed class ProcessCluster : IRunCluster
{
    private static readonly TimeSpan StopTime = TimeSpan.FromSeconds(15);
    private readonly List<SiloProcess> silos = [];
    private readonly string folder = CreateFolder();

    private ProcessCluster()
    {
    }

    public Uri Server => silos[0].Server;

    public Uri Page => silos[0].Http;

    /// <summary>Where its first silo shows its metrics and health.</summary>
    public Uri Metrics => silos[0].Http;

    /// <summary>By their nodes' names: silo-0, silo-1, ...</summary>
    public IReadOnlyList<SiloProcess> Silos => silos;

    /// <summary><see langword="null"/>: the cluster has been given one that is not its own.</summary>
    public RedisProcess? Redis { get; private set; }

    /// <param name="processes">Silos; the workers' slots are spread over them.</param>
    /// <exception cref="ClusterStartException"/>
    public static Task<ProcessCluster> StartAsync(int processes, int workers) => StartAsync(new ProcessClusterOptions { Processes = processes, Workers = workers });

    /// <exception cref="ClusterStartException"/>
    public static async Task<ProcessCluster> StartAsync(ProcessClusterOptions options)
    {
        var cluster = new ProcessCluster();
        try
        {
            await cluster.LaunchAsync(options);
            return cluster;
        }
        catch
        {
            await cluster.DisposeAsync();
            throw;
        }
    }

    /// <summary>Restarts a silo whose process has ended: the same node on the same ports, a new member of the cluster.</summary>
    /// <exception cref="ClusterStartException"/>
    public async Task RestartAsync(SiloProcess silo)
    {
        silo.Start();
        await silo.WaitAsync();
    }

    public async ValueTask DisposeAsync()
    {
        using var patience = new CancellationTokenSource(StopTime);
        await Task.WhenAll(silos.Where(silo => silo.Process is not null).Select(silo => silo.StopAsync(patience.Token)));
        silos.ForEach(silo => silo.Dispose());
        if (Redis is not null)
        {
            await Redis.DisposeAsync();
        }
        Directory.Delete(folder, recursive: true);
    }

    private async Task LaunchAsync(ProcessClusterOptions options)
    {
        if (options.Redis is null)
        {
            Redis = await RedisProcess.StartAsync(options.RedisHost, folder);
        }
        for (int i = 0, first = 0; i < options.Processes; i++)
        {
            var slots = (options.Workers / options.Processes) + (i < options.Workers % options.Processes ? 1 : 0);
            var devices = Enumerable.Range(first, slots).Select(slot => options.Devices[slot % options.Devices.Count]);
            first += slots;
            silos.Add(new($"silo-{i}", [.. devices], options.Places?[i] ?? new(IPAddress.Loopback), options, options.Redis ?? Redis!.Address, folder, i == 0 ? options.PagePort : 0));
            silos[i].Start();
        }
        await Task.WhenAll(silos.Select(silo => silo.WaitAsync()));
    }

    private static string CreateFolder()
    {
        try
        {
            return Directory.CreateTempSubdirectory("granary-").FullName;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new ClusterStartException($"The folder for temporary files, {Path.GetTempPath()}, cannot be used: {error.Message} Make it, or name another in TMPDIR.", error);
        }
    }
}

using Granary.Silo.Clusters;

namespace Granary.Client.Chaos;

/// <summary>Starts silos again whose processes have ended, as a supervisor would on a real cluster.</summary>
internal sealed class Supervisor : IAsyncDisposable
{
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(1);
    private readonly ProcessCluster cluster;
    private readonly SiloGates gates;
    private readonly Action<string> say;
    private readonly CancellationTokenSource stop = new();
    private readonly HashSet<SiloProcess> starting = [];
    private readonly Task work;

    /// <param name="say">Told of what it sees and does.</param>
    public Supervisor(ProcessCluster cluster, SiloGates gates, Action<string> say)
    {
        (this.cluster, this.gates, this.say) = (cluster, gates, say);
        work = Task.WhenAll(cluster.Silos.Select(WatchAsync));
    }

    /// <summary>How many times a silo was started again.</summary>
    public int Restarts { get; private set; }

    /// <summary>Whether every silo runs and has joined the cluster.</summary>
    public bool AllAreUp
    {
        get
        {
            lock (starting)
            {
                return starting.Count == 0 && cluster.Silos.All(silo => silo.IsRunning);
            }
        }
    }

    public async ValueTask DisposeAsync()
    {
        stop.Cancel();
        try
        {
            await work;
        }
        catch (OperationCanceledException)
        {
        }
        stop.Dispose();
    }

    private async Task WatchAsync(SiloProcess silo)
    {
        while (true)
        {
            await silo.Process.WaitForExitAsync(stop.Token);
            gates.Forget(silo.Name);
            say($"{silo.Name} has ended with exit code {silo.Process.ExitCode}; it is started again.");
            lock (starting)
            {
                starting.Add(silo);
                Restarts++;
            }
            try
            {
                var restart = cluster.RestartAsync(silo);
                gates.Greet(silo);
                await restart.WaitAsync(stop.Token);
                lock (starting)
                {
                    starting.Remove(silo);
                }
            }
            catch (ClusterStartException failed)
            {
                say(failed.Message);
                await Task.Delay(Pause, stop.Token);
            }
        }
    }
}

using Granary.Training.Tasks;

namespace Granary.LocalClusters;

/// <summary>Restarts processes of a cluster that have ended, as Kubernetes or systemd would on a real one.</summary>
public sealed class Supervisor : IAsyncDisposable
{
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(1);
    private readonly ProcessCluster cluster;
    private readonly Action<string> say;
    private readonly CancellationTokenSource stop = new();
    private readonly HashSet<SiloProcess> down = [];
    private readonly Task work;

    /// <param name="say">Told of what it sees and does.</param>
    /// <param name="ended">Told of a silo whose process has ended.</param>
    /// <param name="starting">Told of one whose new process has begun, and has not joined the cluster yet.</param>
    public Supervisor(ProcessCluster cluster, Action<string> say, Action<SiloProcess>? ended = null, Action<SiloProcess>? starting = null)
    {
        (this.cluster, this.say) = (cluster, say);
        work = Task.WhenAll(cluster.Silos.Select(silo => WatchAsync(silo, ended, starting)));
    }

    /// <summary>How many times a silo was started again.</summary>
    public int Restarts { get; private set; }

    /// <summary>Whether every silo runs and has joined the cluster.</summary>
    public bool AllAreUp
    {
        get
        {
            lock (down)
            {
                return down.Count == 0 && cluster.Silos.All(silo => silo.IsRunning);
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

    private async Task WatchAsync(SiloProcess silo, Action<SiloProcess>? ended, Action<SiloProcess>? starting)
    {
        var group = new ControlGroup();
        while (true)
        {
            var before = group.Ended;
            await silo.Process.WaitForExitAsync(stop.Token);
            ended?.Invoke(silo);
            say(group.Ended > before && silo.Process.ExitCode == Signals.ExitCodeOfKilled
                ? $"{silo.Name} was ended by the kernel, as there was no memory left of {MemoryLimit.Size(MemoryLimit.OfProcess)}; it is started again."
                : $"{silo.Name} has ended with exit code {silo.Process.ExitCode}; it is started again.");
            lock (down)
            {
                down.Add(silo);
                Restarts++;
            }
            try
            {
                var restart = cluster.RestartAsync(silo);
                starting?.Invoke(silo);
                await restart.WaitAsync(stop.Token);
                lock (down)
                {
                    down.Remove(silo);
                }
            }
            catch (Exception failed) when (failed is not OperationCanceledException)
            {
                say($"{silo.Name} cannot be started again: {failed.Message}");
                silo.Kill();
                await Task.Delay(Pause, stop.Token);
            }
        }
    }
}

using System.Diagnostics;
using Granary.LocalClusters;
using Granary.Training.Runs;
using Granary.Training.Wording;

namespace Granary.Chaos;

/// <summary>A fault that is in force, until it is undone.</summary>
internal sealed class ActiveFault : IAsyncDisposable
{
    private static readonly TimeSpan SlowRuns = TimeSpan.FromMilliseconds(20), SlowRests = TimeSpan.FromMilliseconds(80);
    private static readonly TimeSpan WritingTime = TimeSpan.FromSeconds(5), LookAgain = TimeSpan.FromMilliseconds(20);
    private Func<Task>? undo;

    private ActiveFault(Func<Task> undo) => this.undo = undo;

    /// <param name="networks">The silos', for cuts.</param>
    /// <param name="victim">The silo that is struck, if a silo is.</param>
    /// <exception cref="UserErrorException">The fault could not be brought about.</exception>
    public static async Task<ActiveFault> StrikeAsync(Fault fault, ProcessCluster cluster, SiloNetworks? networks, SiloGates gates, SiloProcess victim, RunSpec run)
    {
        switch (fault.Kind)
        {
            case FaultKind.Kill or FaultKind.Coordinator:
                await KillAsync(victim);
                return Lasting;
            case FaultKind.Flip:
                return await gates.FlipAsync(victim, fault.Bit) ? Lasting : throw new UserErrorException($"No worker of {victim.Name} waits for a bit to be flipped.");
            case FaultKind.Stop:
                var stopped = victim.Process;
                await Signals.StopAsync(stopped);
                return Until(() => Signals.Send(stopped, Signals.Continue));
            case FaultKind.Slow:
                return Slow(victim);
            case FaultKind.Cut:
                var index = cluster.Silos.ToList().IndexOf(victim);
                if (fault.OtherWay)
                {
                    networks!.Mute(index);
                }
                else
                {
                    networks!.Cut(index);
                }
                return Until(() => networks!.Mend(index));
            case FaultKind.Disk or FaultKind.DiskFullAtEnd:
                var checkpoints = Path.Combine(run.Output, "checkpoints");
                await UntilWrittenAsync(checkpoints);
                var disk = DiskFault.Strike(checkpoints, full: fault.OtherWay);
                return Until(disk.Dispose);
            case FaultKind.Redis when fault.OtherWay:
                await cluster.Redis!.RestartAsync();
                return Lasting;
            case FaultKind.RedisLost:
                await cluster.Redis!.LoseDataAsync();
                return Lasting;
            case FaultKind.Redis:
                await Signals.StopAsync(cluster.Redis!.Process);
                return Until(() => Signals.Send(cluster.Redis!.Process, Signals.Continue));
            default:
                throw new ArgumentOutOfRangeException(nameof(fault), fault.Kind, "No such kind of fault.");
        }
    }

    public static async Task KillAsync(SiloProcess victim)
    {
        var process = victim.Process;
        Signals.Send(process, Signals.Kill);
        await process.WaitForExitAsync();
    }

    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref undo, null) is { } once)
        {
            await once();
        }
    }

    /// <summary>Waits until no checkpoint is half written: the fault would hide the half from its writer, and at its end leave it to nobody.</summary>
    private static async Task UntilWrittenAsync(string checkpoints)
    {
        var started = Stopwatch.GetTimestamp();
        while (Directory.Exists(checkpoints) && Directory.EnumerateDirectories(checkpoints, ".*").Any() && Stopwatch.GetElapsedTime(started) < WritingTime)
        {
            await Task.Delay(LookAgain);
        }
    }

    /// <summary>There is nothing to undo.</summary>
    private static ActiveFault Lasting => new(() => Task.CompletedTask);

    private static ActiveFault Until(Action undo) => new(() =>
    {
        undo();
        return Task.CompletedTask;
    });

    private static ActiveFault Slow(SiloProcess victim)
    {
        var process = victim.Process;
        var healed = new CancellationTokenSource();
        var work = Task.Run(async () =>
        {
            while (!healed.IsCancellationRequested)
            {
                Signals.Send(process, Signals.Stop);
                await Task.Delay(SlowRests);
                Signals.Send(process, Signals.Continue);
                await Task.Delay(SlowRuns);
            }
        });
        return new(async () =>
        {
            await healed.CancelAsync();
            await work;
            healed.Dispose();
        });
    }
}

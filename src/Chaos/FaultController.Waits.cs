using System.Diagnostics;
using Granary.LocalClusters;
using Granary.Training.Checkpoints;
using Granary.Training.Loop;
using Granary.Training.Wording;

namespace Granary.Chaos;

/// <summary>Waits for the run, and for its silos.</summary>
internal sealed partial class FaultController
{
    // How long a run may take until it is given up: long, as the machine may be busy with other work.
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(3);
    private static readonly TimeSpan GatheringTime = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan LookAgain = TimeSpan.FromMilliseconds(100), LookClosely = TimeSpan.FromMilliseconds(1);

    // How long a silo that has come back takes to be found and to build its replica. It joins after a step or two: the last few steps wait longer.
    private static readonly TimeSpan JoiningTime = TimeSpan.FromSeconds(8), LongestPause = TimeSpan.FromSeconds(2), LastPause = TimeSpan.FromSeconds(4);
    private const int LastSteps = 3;

    private string Standing => $"it is {run.Latest.State.ToString().ToLowerInvariant()} at step {run.Latest.Step} ({run.Latest.Reason})";

    /// <summary>Waits until all workers stand at the gate, or no others come.</summary>
    /// <returns><see langword="null"/>: the run has ended.</returns>
    private async Task<Position?> GatherAsync(string complaint, CancellationToken cancellationToken)
    {
        var started = Stopwatch.GetTimestamp();
        var first = default(long?);
        while (true)
        {
            var changed = gates.Changed;
            var arrived = gates.Arrived;
            if (run.Ended.IsCompleted)
            {
                return null;
            }
            if (arrived.Count > 0)
            {
                first ??= Stopwatch.GetTimestamp();
                var awaited = cluster.Silos.Where(silo => silo.IsRunning && Trains(run.Latest.Slots, silo.Name)).Select(silo => silo.Name);
                if (!awaited.Except(arrived.Select(entry => entry.Key)).Any() || Stopwatch.GetElapsedTime(first.Value) > GatheringTime)
                {
                    return arrived.Min(entry => entry.Value);
                }
            }
            if (Stopwatch.GetElapsedTime(started) > Patience)
            {
                throw new UserErrorException($"{complaint} within {Patience.TotalMinutes:0} minutes: {Standing}.");
            }
            await Task.WhenAny(changed, Task.Delay(LookAgain, cancellationToken));
            cancellationToken.ThrowIfCancellationRequested();
        }
    }

    /// <summary>
    /// Lets the run make a step, but the silo that keeps its directory run only a millisecond at a time, until it is in the middle of
    /// writing the checkpoint that is due then: writing a small one takes no longer than that.
    /// </summary>
    /// <returns>That silo, and whether it was caught at it.</returns>
    private async Task<(SiloProcess Keeper, bool Caught)> AwaitCheckpointAsync(long step, CancellationToken cancellationToken)
    {
        var checkpoints = new CheckpointStore(run.Latest.Spec.Output);
        var keeper = cluster.Silos.First(silo => Trains(run.Latest.Slots.Take(1), silo.Name));
        var process = keeper.Process;
        var started = Stopwatch.GetTimestamp();
        gates.Hold(new(step));
        while (!process.HasExited && !checkpoints.Has(step) && Stopwatch.GetElapsedTime(started) < Patience)
        {
            Signals.Send(process, Signals.Continue);
            await Task.Delay(LookClosely, cancellationToken);
            await Signals.StopAsync(process);
            if (checkpoints.IsBeingWritten(step))
            {
                return (keeper, true);
            }
        }
        return (keeper, false);
    }

    /// <summary>
    /// Lets the run go from step to step at leisure, until every silo trains again: they join at step boundaries, and the next
    /// fault is to find them all, so that the same plan strikes the same silos.
    /// </summary>
    private async Task WalkAsync(long from, Position to, CancellationToken cancellationToken)
    {
        var leisure = JoiningTime / Math.Max(1, to.Step - from);
        for (var step = from + 1; step < to.Step && !await AllTrainAsync(TimeSpan.Zero, cancellationToken); step++)
        {
            gates.Hold(new(step));
            await AllTrainAsync(to.Step - step <= LastSteps ? LastPause : leisure < LongestPause ? leisure : LongestPause, cancellationToken);
        }
        gates.Hold(to);
        await AllTrainAsync(LastPause, cancellationToken);
    }

    /// <returns>Whether all silos train within this time, or the run has ended.</returns>
    private async Task<bool> AllTrainAsync(TimeSpan atMost, CancellationToken cancellationToken)
    {
        var since = Stopwatch.GetTimestamp();
        while (!cluster.Silos.All(silo => Trains(run.Latest.Slots, silo.Name)) && !run.Ended.IsCompleted)
        {
            if (Rest(atMost, since) == TimeSpan.Zero)
            {
                return false;
            }
            await Task.Delay(Rest(atMost, since) < LookAgain ? Rest(atMost, since) : LookAgain, cancellationToken);
        }
        return true;
    }

    private async Task HealedAsync(CancellationToken cancellationToken)
    {
        var started = Stopwatch.GetTimestamp();
        while (!supervisor.AllAreUp)
        {
            if (Stopwatch.GetElapsedTime(started) > Patience)
            {
                throw new UserErrorException($"Not all silos came back within {Patience.TotalMinutes:0} minutes.");
            }
            await Task.Delay(LookAgain, cancellationToken);
        }
    }

    private static TimeSpan Rest(TimeSpan whole, long since) =>
        whole - Stopwatch.GetElapsedTime(since) is var rest && rest > TimeSpan.Zero ? rest : TimeSpan.Zero;

    /// <summary>Slots are shown as <c>silo-0/0 [0, 2)</c>.</summary>
    private static bool Trains(IEnumerable<string> slots, string node) => slots.Any(slot => slot.StartsWith(node + "/", StringComparison.Ordinal));
}

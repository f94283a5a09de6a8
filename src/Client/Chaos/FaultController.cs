using System.Diagnostics;
using Granary.Contracts;
using Granary.Silo.Clusters;
using Granary.Silo.Faults;
using Granary.Training.Loop;

namespace Granary.Client.Chaos;

/// <summary>
/// Strikes a run with the faults of a plan, each at its step and phase: the silos hold their workers there, and the run
/// waits there, too, until all silos have got over the fault before.
/// </summary>
internal sealed class FaultController(ProcessCluster cluster, SiloGates gates, Supervisor supervisor, RunPoll run, ChaosReport report)
{
    // How long a run may take until it is given up; on a machine that has better to do, that is long.
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(3);
    private static readonly TimeSpan GatheringTime = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan LookAgain = TimeSpan.FromMilliseconds(100);

    // What a silo that has come back takes to be found, and to build its replica.
    private static readonly TimeSpan JoiningTime = TimeSpan.FromSeconds(8), LongestPause = TimeSpan.FromSeconds(2);

    // A silo that was out for this long is declared dead, and takes some seconds to find out.
    private static readonly TimeSpan Deadly = TimeSpan.FromSeconds(5), FindsOut = TimeSpan.FromSeconds(10);

    /// <summary>Where the first fault is to strike: to be said before the run begins.</summary>
    public static Position Place(Fault fault) => new(fault.Step, fault.Phase);

    /// <returns>How the run has ended.</returns>
    /// <exception cref="UserErrorException">The run neither went on nor ended.</exception>
    public async Task<RunStatus> RunAsync(FaultPlan plan, long totalSteps, CancellationToken cancellationToken)
    {
        for (var i = 0; i < plan.Faults.Count && !run.Ended.IsCompleted; i++)
        {
            var at = await GatherAsync($"The run has not come to {Place(plan.Faults[i])}", cancellationToken);
            if (at is not null)
            {
                // The last step is not made before everything is healed: what is left of a fault would strike nobody.
                var next = i + 1 < plan.Faults.Count ? Place(plan.Faults[i + 1]) : new(totalSteps - 1);
                await StrikeAsync(plan.Faults[i], i, at.Value, next, cancellationToken);
            }
        }
        gates.Open();
        return await run.Ended.WaitAsync(cancellationToken);
    }

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
                var awaited = cluster.Silos.Where(silo => silo.IsRunning && Trains(run.Latest, silo.Name)).Select(silo => silo.Name);
                if (!awaited.Except(arrived.Select(entry => entry.Key)).Any() || Stopwatch.GetElapsedTime(first.Value) > GatheringTime)
                {
                    return arrived.Min(entry => entry.Value);
                }
            }
            if (Stopwatch.GetElapsedTime(started) > Patience)
            {
                throw new UserErrorException($"{complaint} within {Patience.TotalMinutes:0} minutes: it is {run.Latest.State.ToString().ToLowerInvariant()} at step {run.Latest.Step} ({run.Latest.Reason}).");
            }
            await Task.WhenAny(changed, Task.Delay(LookAgain, cancellationToken));
            cancellationToken.ThrowIfCancellationRequested();
        }
    }

    private async Task StrikeAsync(Fault fault, int index, Position at, Position next, CancellationToken cancellationToken)
    {
        var victim = Choose(fault);
        var victimProcess = victim.Process;
        var struck = Stopwatch.GetTimestamp();
        await using var wound = await Wound.StrikeAsync(fault, cluster, victim, run.Latest.Spec);
        var commit = gates.CommitAsync(at.Step, node => !Disables(fault.Kind) || node != victim.Name);
        gates.Hold(Disables(fault.Kind) ? new(Halfway(at, next)) : next);

        await Task.Delay(Rest(fault.Duration, struck), cancellationToken);
        await wound.DisposeAsync();
        await Task.WhenAny(commit, run.Ended, Task.Delay(Rest(Patience, struck), cancellationToken));
        cancellationToken.ThrowIfCancellationRequested();
        if (!commit.IsCompleted && !run.Ended.IsCompleted)
        {
            throw new UserErrorException($"The run did not go on within {Patience.TotalMinutes:0} minutes after {ChaosReport.Name(fault)} of {victim.Name}: it is {run.Latest.State.ToString().ToLowerInvariant()} at step {run.Latest.Step} ({run.Latest.Reason}).");
        }
        report.Struck(index, fault, at, HitsASilo(fault.Kind) ? victim.Name : null, commit.IsCompleted ? Stopwatch.GetElapsedTime(struck, (await commit).Ticks) : null);
        if (Disables(fault.Kind) && fault.Duration > Deadly)
        {
            await Task.WhenAny(Task.Run(() => victimProcess.WaitForExit(FindsOut), cancellationToken), run.Ended);
        }
        await HealedAsync(cancellationToken);
        if (Disables(fault.Kind))
        {
            await WalkAsync(Halfway(at, next), next, cancellationToken);
        }
    }

    /// <summary>
    /// Lets the run go from step to step at leisure, until every silo trains again: they join at step boundaries, and the next
    /// fault is to find them all, so that the same plan strikes the same silos.
    /// </summary>
    private async Task WalkAsync(long from, Position to, CancellationToken cancellationToken)
    {
        var pause = JoiningTime / Math.Max(1, to.Step - from);
        for (var step = from + 1; step < to.Step && !run.Ended.IsCompleted && !cluster.Silos.All(silo => Trains(run.Latest, silo.Name)); step++)
        {
            gates.Hold(new(step));
            await Task.Delay(pause < LongestPause ? pause : LongestPause, cancellationToken);
        }
        gates.Hold(to);
    }

    private SiloProcess Choose(Fault fault)
    {
        var arrived = gates.Arrived.Select(entry => entry.Key).ToList();
        var name = fault.Kind == FaultKind.Coordinator && cluster.Silos.Any(silo => silo.Name == run.Latest.Coordinator && silo.IsRunning)
            ? run.Latest.Coordinator
            : arrived[fault.Victim % arrived.Count];
        return cluster.Silos.First(silo => silo.Name == name);
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

    private static long Halfway(Position at, Position next) => at.Step + Math.Max(1, (next.Step - at.Step) / 2);

    private static TimeSpan Rest(TimeSpan whole, long since) =>
        whole - Stopwatch.GetElapsedTime(since) is var rest && rest > TimeSpan.Zero ? rest : TimeSpan.Zero;

    private static bool HitsASilo(FaultKind kind) => kind is not (FaultKind.Disk or FaultKind.Redis);

    /// <summary>Whether the others must go on without the victim.</summary>
    private static bool Disables(FaultKind kind) => kind is FaultKind.Kill or FaultKind.Coordinator or FaultKind.Stop or FaultKind.Cut;

    /// <summary>Slots are shown as <c>silo-0/0 [0, 2)</c>.</summary>
    private static bool Trains(RunStatus status, string node) => status.Slots.Any(slot => slot.StartsWith(node + "/", StringComparison.Ordinal));
}

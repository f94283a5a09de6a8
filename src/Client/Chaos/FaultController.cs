using System.Diagnostics;
using Granary.Contracts;
using Granary.Silo.Clusters;
using Granary.Silo.Faults;
using Granary.Training.Checkpoints;
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

    // A checkpoint may be written in a millisecond.
    private static readonly TimeSpan LookClosely = TimeSpan.FromMilliseconds(0.5);

    // What a silo that has come back takes to be found, and to build its replica.
    private static readonly TimeSpan JoiningTime = TimeSpan.FromSeconds(8), LongestPause = TimeSpan.FromSeconds(2);

    // A silo that was out for this long is declared dead, and takes some seconds to find out.
    private static readonly TimeSpan Deadly = TimeSpan.FromSeconds(5), FindsOut = TimeSpan.FromSeconds(10);

    /// <summary>Silos that it takes for two faults at a time: one is left.</summary>
    public const int OverlappingTakes = 3;

    /// <summary>Where the run is to be held for a fault; for the first one, that is to be said before the run begins.</summary>
    public static Position Place(Fault fault) => new(fault.Step, fault.Phase);

    /// <returns>How the run has ended.</returns>
    /// <exception cref="UserErrorException">The run neither went on nor ended.</exception>
    public async Task<RunStatus> RunAsync(FaultPlan plan, long totalSteps, CancellationToken cancellationToken)
    {
        for (var i = 0; i < plan.Faults.Count && !run.Ended.IsCompleted; i++)
        {
            var at = await GatherAsync($"The run has not come to {Place(plan.Faults[i])}", cancellationToken);
            if (at is not null && plan.Faults[i].Kind == FaultKind.DiskFullAtEnd)
            {
                await StrikeEndAsync(plan.Faults[i], i, at.Value, cancellationToken);
            }
            else if (at is not null)
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
    /// <param name="enough">What else ends the waiting: looked for closely.</param>
    /// <returns><see langword="null"/>: the run has ended, or it was enough.</returns>
    private async Task<Position?> GatherAsync(string complaint, CancellationToken cancellationToken, Func<bool>? enough = null)
    {
        var started = Stopwatch.GetTimestamp();
        var first = default(long?);
        while (true)
        {
            var changed = gates.Changed;
            var arrived = gates.Arrived;
            if (run.Ended.IsCompleted || enough?.Invoke() is true)
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
                throw new UserErrorException($"{complaint} within {Patience.TotalMinutes:0} minutes: {Standing}.");
            }
            await Task.WhenAny(changed, Task.Delay(enough is null ? LookAgain : LookClosely, cancellationToken));
            cancellationToken.ThrowIfCancellationRequested();
        }
    }

    private async Task StrikeAsync(Fault fault, int index, Position at, Position next, CancellationToken cancellationToken)
    {
        var victim = Choose(fault.Kind, fault.Victim, gates.Arrived.Select(entry => entry.Key));
        if (fault is { Kind: FaultKind.Kill, OtherWay: true })
        {
            victim = await AwaitCheckpointAsync(at.Step + 1, cancellationToken);
        }
        var victimProcess = victim.Process;
        var struck = Stopwatch.GetTimestamp();
        await using var wound = await Wound.StrikeAsync(fault, cluster, gates, victim, run.Latest.Spec);
        var lost = new List<string>(Disables(fault.Kind) ? [victim.Name] : []);
        var nodes = new List<string>(HitsASilo(fault.Kind) ? [victim.Name] : []);
        if (fault.Second is { } second)
        {
            gates.Hold(new(at.Step + 1));
            await Task.Delay(Rest(second.After, struck), cancellationToken);
            var other = Choose(second.Kind, second.Victim, cluster.Silos.Where(silo => silo.IsRunning && silo != victim).Select(silo => silo.Name));
            await Wound.KillAsync(other);
            lost.Add(other.Name);
            nodes.Add(other.Name);
        }
        var seen = SeenOver(fault, at, next);
        var commit = gates.CommitAsync(seen, node => !lost.Contains(node));
        var halfway = lost.Count == 0 ? next.Step : Math.Max(seen + 1, at.Step + ((next.Step - at.Step) / 2));
        gates.Hold(halfway < next.Step ? new(halfway) : next);

        await Task.Delay(Rest(fault.Duration, struck), cancellationToken);
        await wound.DisposeAsync();
        await Task.WhenAny(commit, run.Ended, Task.Delay(Rest(Patience, struck), cancellationToken));
        cancellationToken.ThrowIfCancellationRequested();
        if (!commit.IsCompleted && !run.Ended.IsCompleted)
        {
            throw new UserErrorException($"The run did not go on within {Patience.TotalMinutes:0} minutes after {ChaosReport.Name(fault)}{(nodes.Count > 0 ? $" of {string.Join(", ", nodes)}" : "")}: {Standing}.");
        }
        report.Struck(index, fault, at, nodes, commit.IsCompleted ? Stopwatch.GetElapsedTime(struck, (await commit).Ticks) : null);
        if (Disables(fault.Kind) && fault.Duration > Deadly)
        {
            await Task.WhenAny(Task.Run(() => victimProcess.WaitForExit(FindsOut), cancellationToken), run.Ended);
        }
        await HealedAsync(cancellationToken);
        if (halfway < next.Step)
        {
            await WalkAsync(halfway, next, cancellationToken);
        }
    }

    /// <summary>The disk is full when the run is to leave its result, and gets room again while it waits.</summary>
    private async Task StrikeEndAsync(Fault fault, int index, Position at, CancellationToken cancellationToken)
    {
        var struck = Stopwatch.GetTimestamp();
        await using (await Wound.StrikeAsync(fault, cluster, gates, cluster.Silos[0], run.Latest.Spec))
        {
            gates.Open();
            await Task.WhenAny(run.Ended, Task.Delay(fault.Duration, cancellationToken));
        }
        await Task.WhenAny(run.Ended, Task.Delay(Rest(Patience, struck), cancellationToken));
        cancellationToken.ThrowIfCancellationRequested();
        if (!run.Ended.IsCompleted)
        {
            throw new UserErrorException($"The run did not end within {Patience.TotalMinutes:0} minutes after {ChaosReport.Name(fault)}: {Standing}.");
        }
        report.Struck(index, fault, at, [], Stopwatch.GetElapsedTime(struck));
    }

    /// <summary>Lets the run make a step, and waits until the checkpoint that is due then is being written, or has been.</summary>
    /// <returns>The silo that writes it.</returns>
    private async Task<SiloProcess> AwaitCheckpointAsync(long step, CancellationToken cancellationToken)
    {
        var checkpoints = new CheckpointStore(run.Latest.Spec.Output);
        var keeper = run.Latest.Slots.FirstOrDefault();
        gates.Hold(new(step));
        await GatherAsync($"The run has not come to {new Position(step)}", cancellationToken, enough: () => checkpoints.IsBeingWritten(step));
        return cluster.Silos.FirstOrDefault(silo => keeper?.StartsWith(silo.Name + "/", StringComparison.Ordinal) is true) ?? cluster.Silos[0];
    }

    /// <summary>When a later step than this is committed, the run has got over the fault.</summary>
    private long SeenOver(Fault fault, Position at, Position next)
    {
        var seen = at.Step + (fault.Second is null && !(fault.Kind == FaultKind.Kill && fault.OtherWay) ? 0 : 1);
        var verifyEvery = run.Latest.Spec.VerifyEvery;
        // Steps that a flipped replica took part in do not count: the first that does is the next for which the states are compared.
        return fault.Kind != FaultKind.Flip ? seen : Math.Max(seen, Math.Min(next.Step, at.Step - (at.Step % verifyEvery) + verifyEvery) - 1);
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

    private SiloProcess Choose(FaultKind kind, int draw, IEnumerable<string> among)
    {
        var names = among.ToList();
        var name = kind == FaultKind.Coordinator && cluster.Silos.Any(silo => silo.Name == run.Latest.Coordinator && silo.IsRunning) && names.Contains(run.Latest.Coordinator)
            ? run.Latest.Coordinator
            : names[draw % names.Count];
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

    private string Standing => $"it is {run.Latest.State.ToString().ToLowerInvariant()} at step {run.Latest.Step} ({run.Latest.Reason})";

    private static TimeSpan Rest(TimeSpan whole, long since) =>
        whole - Stopwatch.GetElapsedTime(since) is var rest && rest > TimeSpan.Zero ? rest : TimeSpan.Zero;

    private static bool HitsASilo(FaultKind kind) => kind is not (FaultKind.Disk or FaultKind.Redis or FaultKind.RedisLost);

    /// <summary>Whether the others must go on without the victim.</summary>
    private static bool Disables(FaultKind kind) => kind is FaultKind.Kill or FaultKind.Coordinator or FaultKind.Stop or FaultKind.Cut;

    /// <summary>Slots are shown as <c>silo-0/0 [0, 2)</c>.</summary>
    private static bool Trains(RunStatus status, string node) => status.Slots.Any(slot => slot.StartsWith(node + "/", StringComparison.Ordinal));
}

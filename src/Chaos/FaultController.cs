using System.Diagnostics;
using Granary.Contracts;
using Granary.LocalClusters;
using Granary.Training.Loop;
using Granary.Training.Wording;

namespace Granary.Chaos;

/// <summary>
/// Strikes a run with the faults of a plan, each at its step and phase: the silos hold their workers there, and the run
/// waits there, too, until all silos have got over the fault before.
/// </summary>
internal sealed partial class FaultController(ProcessCluster cluster, SiloNetworks? networks, SiloGates gates, Supervisor supervisor, RunPoll run, ChaosReport report)
{
    // A silo that was out for this long is declared dead, and takes some seconds to find out.
    private static readonly TimeSpan Deadly = TimeSpan.FromSeconds(5), FindsOut = TimeSpan.FromSeconds(10);

    // How long the cluster takes to write anew all that Redis has lost: a silo that dies before then takes with it what it alone knew.
    private static readonly TimeSpan WritesAnew = TimeSpan.FromSeconds(8);

    /// <summary>How many silos two faults at a time take, so that one is left.</summary>
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

    private async Task StrikeAsync(Fault fault, int index, Position at, Position next, CancellationToken cancellationToken)
    {
        // A replica that is altered while no other trains, or whose only witness is killed, is compared with nothing: to notice that is not promised.
        if (fault.Kind == FaultKind.Flip && !await AllTrainAsync(JoiningTime, cancellationToken))
        {
            throw new UserErrorException($"Not all silos train again where a bit is to be flipped: {Standing}.");
        }
        var (victim, isInTime) = fault.StrikesCheckpoint
            ? await AwaitCheckpointAsync(at.Step + 1, cancellationToken)
            : (Choose(fault.Kind, fault.Victim, gates.Arrived.Select(entry => entry.Key)), true);
        var victimProcess = victim.Process;
        var struck = Stopwatch.GetTimestamp();
        await using var wound = await ActiveFault.StrikeAsync(fault, cluster, networks, gates, victim, run.Latest.Spec);
        var lost = new List<string>(fault.Disables ? [victim.Name] : []);
        var nodes = new List<string>(fault.HitsASilo ? [victim.Name] : []);
        if (fault.Second is { } second)
        {
            gates.Hold(new(at.Step + 1));
            await Task.Delay(Rest(second.After, struck), cancellationToken);
            var other = Choose(second.Kind, second.Victim, cluster.Silos.Where(silo => silo != victim).Select(silo => silo.Name));
            await ActiveFault.KillAsync(other);
            lost.Add(other.Name);
            nodes.Add(other.Name);
        }
        var seen = SeenOver(fault, at, next);
        var othersTrain = cluster.Silos.Any(silo => !lost.Contains(silo.Name) && Trains(run.Latest.Slots, silo.Name));
        var commit = gates.CommitAsync(seen, node => !othersTrain || !lost.Contains(node));
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
        report.Struck(index, fault, at, nodes, isInTime ? "" : " (too late: it was written)", commit.IsCompleted ? Stopwatch.GetElapsedTime(struck, (await commit).Ticks) : null);
        if (fault.Kind == FaultKind.RedisLost)
        {
            await Task.WhenAny(run.Ended, Task.Delay(Rest(WritesAnew, struck), cancellationToken));
        }
        if (fault.Disables && fault.Duration > Deadly)
        {
            await Task.WhenAny(Task.Run(() => victimProcess.WaitForExit(FindsOut), cancellationToken), run.Ended);
        }
        await HealedAsync(cancellationToken);
        await run.HearAsync(cancellationToken);
        if (halfway < next.Step)
        {
            await WalkAsync(halfway, next, cancellationToken);
        }
    }

    /// <summary>The disk is full when the run is to leave its result, and gets room again while it waits.</summary>
    private async Task StrikeEndAsync(Fault fault, int index, Position at, CancellationToken cancellationToken)
    {
        var struck = Stopwatch.GetTimestamp();
        await using (await ActiveFault.StrikeAsync(fault, cluster, networks, gates, cluster.Silos[0], run.Latest.Spec))
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
        report.Struck(index, fault, at, [], "", Stopwatch.GetElapsedTime(struck));
    }

    /// <summary>When a later step than this is committed, the run has got over the fault.</summary>
    private long SeenOver(Fault fault, Position at, Position next)
    {
        var seen = at.Step + (fault.Second is not null || fault.StrikesCheckpoint ? 1 : 0);
        var verifyEvery = run.Latest.Spec.VerifyEvery;
        // Steps that a flipped replica took part in do not count: the first that does is the next for which the states are compared.
        return fault.Kind != FaultKind.Flip ? seen : Math.Max(seen, Math.Min(next.Step, at.Step - (at.Step % verifyEvery) + verifyEvery) - 1);
    }

    private SiloProcess Choose(FaultKind kind, int draw, IEnumerable<string> among)
    {
        var names = among.ToList();
        var name = kind == FaultKind.Coordinator && cluster.Silos.Any(silo => silo.Name == run.Latest.Coordinator && silo.IsRunning) && names.Contains(run.Latest.Coordinator)
            ? run.Latest.Coordinator
            : names[draw % names.Count];
        return cluster.Silos.First(silo => silo.Name == name);
    }
}

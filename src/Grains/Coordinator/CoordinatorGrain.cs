using Granary.Contracts;
using Granary.Grains.Cluster;
using Granary.Grains.Nodes;
using Granary.Grains.Persistence;
using Granary.Grains.Telemetry;
using Granary.Training.Runs;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Orleans.Concurrency;
using Orleans.Runtime;
using Orleans.Storage;

namespace Granary.Grains.Coordinator;

/// <summary>
/// Drives one run from round to round. Not on the path of a step: between the start of a round and its end it only listens.
/// Another activation may take over at any moment; whichever finds that storage has moved on without it is not in command.
/// </summary>
[Reentrant, CollectionAgeLimit(Minutes = 2)]
internal sealed partial class CoordinatorGrain(
    [PersistentState("run", GrainStorage.Name)] IPersistentState<RunRecord> record,
    IClusterMembershipService membership,
    IOptions<NodeOptions> node,
    TrainingInstruments instruments,
    TimeProvider time,
    ILogger<CoordinatorGrain> logger) : Grain, ICoordinatorGrain
{
    private static readonly TimeSpan StoragePause = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan WriteAgainEvery = TimeSpan.FromSeconds(5);
    private readonly EventLog events = new(time);
    private readonly Throughput throughput = new();
    private readonly SemaphoreSlim writing = new(1);
    private RoundInProgress? round;
    private bool leaving;

    private string RunId => this.GetPrimaryKeyString();

    private RunStatus Status
    {
        get => record.State.Status ?? throw new UnknownRunException($"No run is named '{RunId}'.");
        set => record.State.Status = value;
    }

    private IClusterGrain Cluster => GrainFactory.GetGrain<IClusterGrain>(0);

    public override Task OnActivateAsync(CancellationToken cancellationToken)
    {
        this.RegisterGrainTimer(_ => WriteAgainAsync(), new GrainTimerCreationOptions { DueTime = WriteAgainEvery, Period = WriteAgainEvery, Interleave = true });
        if (record.State.Status is { } status)
        {
            Status = status with { Coordinator = node.Value.Name };
            throughput.GoOn(status.Units, status.Elapsed);
            events.Add(status.HasEnded ? status.Reason : $"A new coordinator drives the run. Before: {status.Reason}", Status);
            Drive();
        }
        return Task.CompletedTask;
    }

    /// <summary>From here on the run is another activation's, which a worker's next report will wake.</summary>
    public override Task OnDeactivateAsync(DeactivationReason reason, CancellationToken cancellationToken)
    {
        leaving = true;
        Nudge();
        return Task.CompletedTask;
    }

    public async Task<RunStatus> SubmitAsync(RunSpec spec)
    {
        if (record.State.Status is { } known)
        {
            return known.Spec.AsksTheSameAs(spec)
                ? known
                : throw new RunConflictException($"Run '{RunId}' exists with another spec. Choose another id.");
        }
        await Cluster.AddRunAsync(RunId);
        await ChangeAsync(new() { Spec = spec, Workers = spec.Workers, Coordinator = node.Value.Name }, RunState.Queued, $"Waiting for {spec.Workers} free slots.");
        Drive();
        return Status;
    }

    public Task<RunStatus> GetStatusAsync() => Task.FromResult(Status);

    public Task<List<RunEvent>> GetEventsAsync(long after)
    {
        _ = Status;
        return Task.FromResult(events.After(after));
    }

    public Task CancelAsync(string reason, bool now) => StopAsync(reason, pausing: false, now);

    public Task PauseAsync(string reason) => StopAsync(reason, pausing: true);

    public async Task ResumeAsync()
    {
        if (Status.State == RunState.Paused)
        {
            await ChangeAsync(Status, RunState.Queued, "Resumed: waiting for free slots.");
            Drive();
        }
    }

    public async Task ScaleAsync(int workers)
    {
        SpecRules.CheckWorkers(Status.Spec, workers);
        if (!Status.HasEnded)
        {
            await ChangeAsync(Status with { Workers = workers }, Status.State, $"Asked for {workers} workers.");
            Nudge();
        }
    }

    public Task NudgeAsync()
    {
        Nudge();
        // The cluster calls runs that lay claim to slots: one that ended as its silo died may not have given them back.
        if (!driving && record.State.Status is { } status && (status.HasEnded || status.State == RunState.Paused))
        {
            Cluster.ReleaseAsync(RunId).Ignore();
        }
        return Task.CompletedTask;
    }

    public Task ReportAsync(WorkerReport report)
    {
        if (leaving)
        {
            throw new CommandLostException($"Run '{RunId}' is being handed over.");
        }
        if (report.Round > record.State.Round)
        {
            LoseCommand();
            throw new CommandLostException($"Run '{RunId}' is in round {report.Round} under another coordinator.");
        }
        if (round is { } current && report.Round == current.Plan.Number)
        {
            Hear(current, report);
        }
        // What cannot be heard now must not be lost: the worker tries again.
        return report.Round < record.State.Round || round is not null || Status.HasEnded || Status.State == RunState.Paused
            ? Task.CompletedTask
            : throw new CommandLostException($"The coordinator of run '{RunId}' is not ready for reports of round {report.Round}.");
    }

    public Task<PartialMessage> SumAsync(SumRequest request) => RoundOf(request.Round).SumAsync(request);

    public Task<StateMessage> ShareAsync(long number, StateMessage? state) => RoundOf(number).ShareAsync(state);

    private RoundInProgress RoundOf(long number) => round is { } current && number == current.Plan.Number
        ? current
        : throw new InvalidOperationException($"Round {number} of run '{RunId}' is over.");

    private async Task StopAsync(string reason, bool pausing, bool now = false)
    {
        if (Status.HasEnded || (pausing && Status.State is RunState.Paused or RunState.Stopping))
        {
            return;
        }
        if (Status.State == RunState.Paused)
        {
            await EndAsync(RunState.Cancelled, reason);
            return;
        }
        hurried |= now;
        (record.State.StopReason, record.State.Pausing) = (reason, pausing);
        await ChangeAsync(Status, RunState.Stopping, reason);
        Nudge();
    }

    private void Hear(RoundInProgress current, WorkerReport report)
    {
        record.State.Furthest = Math.Max(record.State.Furthest, report.Step);
        switch (report.Kind)
        {
            case ReportKind.Progress:
                current.ComputePerShard[report.Worker] = report.ComputePerShard;
                if (report.KeepsRun)
                {
                    throughput.Report(report.Units, report.Elapsed);
                    Status = Status with
                    {
                        Step = report.Step,
                        Metrics = report.Metrics,
                        Units = throughput.Units,
                        Elapsed = throughput.Elapsed,
                        UnitsPerSecond = throughput.PerSecond,
                        Best = report.Best ?? Status.Best,
                    };
                    events.Add("", Status);
                }
                break;
            case ReportKind.Checkpoint:
                Status = report.Written ? Status with { Checkpoint = report.Message } : Status;
                LogCheckpoint(RunId, report.Step, report.Message!);
                events.Add(report.Written ? $"Checkpoint of step {report.Step} in {report.Message}." : report.Message!, Status);
                break;
            case ReportKind.Remark:
                // It knows more than a reminder: those wait.
                reminded = time.GetTimestamp() + (RemindEvery.Ticks * time.TimestampFrequency / TimeSpan.TicksPerSecond);
                // After the last step nothing else is on its way that would take its place.
                Status = report.Step == Status.TotalSteps ? Status with { Reason = report.Message! } : Status;
                LogRemark(RunId, report.Message!);
                events.Add(report.Message!, Status);
                break;
            default:
                Status = Status with { Step = Math.Max(Status.Step, report.Step) };
                current.WorkerEnded(report);
                break;
        }
    }

    private void LoseCommand()
    {
        leaving = true;
        Nudge();
        LogCommandLost(RunId);
        DeactivateOnIdle();
    }

    private async Task ChangeAsync(RunStatus status, RunState state, string reason)
    {
        if (record.State.Status is { } before && !before.State.CanBecome(state))
        {
            throw new InvalidOperationException($"A run that is {before.State} cannot become {state}. This is a defect of Granary.");
        }
        var since = state == record.State.Status?.State ? record.State.Status.Since : time.GetUtcNow();
        Status = status with { State = state, Reason = reason, Since = since };
        await WriteAsync();
        LogStateChanged(RunId, state, reason);
        events.Add(reason, Status);
    }

    /// <summary>Storage may lose its data, and a run that trains in peace writes nothing: it would not be known any more.</summary>
    private async Task WriteAgainAsync()
    {
        if (leaving || !record.RecordExists || !await writing.WaitAsync(TimeSpan.Zero))
        {
            return;
        }
        try
        {
            await record.WriteStateAsync();
        }
        catch (InconsistentStateException)
        {
            LoseCommand();
        }
        catch (Exception)
        {
            // Storage is away: what must be written waits for it, and says so.
        }
        finally
        {
            writing.Release();
        }
    }

    /// <summary>Waits for storage as long as it is away.</summary>
    /// <exception cref="CommandLostException">Another activation has written since this one read.</exception>
    private async Task WriteAsync()
    {
        await writing.WaitAsync();
        try
        {
            for (var attempt = 1; ; attempt++)
            {
                if (leaving)
                {
                    throw new CommandLostException($"Run '{RunId}' is driven by another coordinator now.");
                }
                try
                {
                    await record.WriteStateAsync();
                    return;
                }
                catch (InconsistentStateException)
                {
                    LoseCommand();
                }
                catch (Exception away)
                {
                    LogStorageAway(away, RunId, attempt);
                    if (attempt % RemindEvery.Seconds == 1)
                    {
                        events.Add(Status.HasEnded ? "The result is whole; its record follows when storage is back." : "Waits for storage: the run's record cannot be written.", Status);
                    }
                    await Task.Delay(StoragePause, time);
                }
            }
        }
        finally
        {
            writing.Release();
        }
    }
}

/// <summary>This activation is not in command of the run any more.</summary>
[GenerateSerializer]
public sealed class CommandLostException(string message) : Exception(message);

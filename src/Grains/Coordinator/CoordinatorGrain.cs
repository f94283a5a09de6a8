using Granary.Contracts;
using Granary.Grains.Telemetry;
using Microsoft.Extensions.Logging;
using Orleans.Concurrency;
using Orleans.Runtime;

namespace Granary.Grains.Coordinator;

/// <summary>
/// Drives one run from round to round. Not on the path of a step: between the start of a round and its end it only listens.
/// </summary>
[Reentrant]
internal sealed partial class CoordinatorGrain(
    [PersistentState("run", Storage.Name)] IPersistentState<RunRecord> record,
    TrainingInstruments instruments,
    TimeProvider time,
    ILogger<CoordinatorGrain> logger) : Grain, ICoordinatorGrain
{
    private static readonly TimeSpan Attention = TimeSpan.FromMilliseconds(500);
    private static readonly TimeSpan QueuePause = TimeSpan.FromMilliseconds(250);
    private readonly EventLog events = new(time);
    private readonly Throughput throughput = new();
    private RoundInProgress? round;
    private bool driving;
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
        // A run must not be put to rest between two reports of its workers.
        this.RegisterGrainTimer(_ => Task.CompletedTask, new GrainTimerCreationOptions { DueTime = TimeSpan.Zero, Period = TimeSpan.FromMinutes(1), KeepAlive = true });
        if (record.State.Status is { HasEnded: false })
        {
            Drive();
        }
        return Task.CompletedTask;
    }

    /// <summary>From here on the run is another activation's, which a worker's next report will wake.</summary>
    public override Task OnDeactivateAsync(DeactivationReason reason, CancellationToken cancellationToken)
    {
        leaving = true;
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
        await ChangeAsync(new() { Spec = spec }, RunState.Queued, $"Waiting for {spec.Workers} free slots.");
        await Cluster.AddRunAsync(RunId);
        Drive();
        return Status;
    }

    public Task<RunStatus> GetStatusAsync() => Task.FromResult(Status);

    public Task<List<RunEvent>> GetEventsAsync(long after)
    {
        _ = Status;
        return Task.FromResult(events.After(after));
    }

    public async Task CancelAsync(string reason)
    {
        if (Status.HasEnded)
        {
            return;
        }
        record.State.CancelReason = reason;
        await ChangeAsync(Status, RunState.Stopping, reason);
        await StopRoundAsync();
    }

    public Task ReportAsync(WorkerReport report)
    {
        if (round is { } current && report.Round == current.Plan.Number)
        {
            Hear(current, report);
        }
        return Task.CompletedTask;
    }

    public Task<PartialMessage> SumAsync(SumRequest request) => round is { } current && request.Round == current.Plan.Number
        ? current.SumAsync(request)
        : throw new InvalidOperationException($"Round {request.Round} of run '{RunId}' is over.");

    private void Drive()
    {
        if (!driving)
        {
            driving = true;
            instruments.RunStarted(Status.Spec.Task);
            _ = DriveAsync();
        }
    }

    private async Task DriveAsync()
    {
        using var activity = TrainingInstruments.Activities.StartActivity("train run");
        activity?.SetTag("run.id", RunId);
        activity?.SetTag("task", Status.Spec.Task);
        try
        {
            while (!Status.HasEnded && !leaving)
            {
                var slots = await Cluster.AcquireAsync(RunId, minimum: record.State.Round == 0 ? Status.Spec.Workers : 1, Status.Spec.Workers);
                if (slots.Count > 0)
                {
                    await RunRoundAsync(slots);
                }
                else if (record.State.CancelReason is { } cancelled)
                {
                    await EndAsync(RunState.Cancelled, cancelled);
                }
                else
                {
                    await Task.Delay(QueuePause, time);
                }
            }
        }
        catch (Exception error) when (!leaving)
        {
            LogDriveFailed(error, RunId);
            await EndAsync(RunState.Failed, error.Message);
        }
        finally
        {
            driving = false;
            instruments.RunEnded(Status.Spec.Task);
            if (!leaving)
            {
                await Cluster.ReleaseAsync(RunId);
            }
        }
    }

    private async Task RunRoundAsync(List<SlotInfo> slots)
    {
        // The number is on storage before anyone hears of the round: a coordinator that comes back never uses it again.
        record.State.Round++;
        var plan = RoundPlanner.Plan(Status.Spec, record.State.Round, Guid.NewGuid(), slots);
        var current = round = new(plan);
        await ChangeAsync(
            Status with
            {
                Round = plan.Number,
                Slots = [.. plan.Workers.Select(worker => $"{worker.Slot.Key} [{worker.ShardStart}, {worker.ShardEnd})")],
                Processes = plan.Workers.Select(worker => worker.Slot.Node.Process).Distinct().Count(),
            },
            plan.Number == 1 ? RunState.Starting : RunState.Recovering,
            $"Round {plan.Number} with {plan.Workers.Count} workers.");
        instruments.RoundBegan(plan.Spec.Task, plan.Workers.Count);
        using var activity = TrainingInstruments.Activities.StartActivity("train round");
        try
        {
            if (await PrepareAsync(current) is { } start && await StartAsync(current, start))
            {
                await ListenAsync(current);
            }
        }
        finally
        {
            instruments.RoundEnded(plan.Spec.Task, plan.Workers.Count);
            current.End();
            throughput.EndRound();
        }
    }

    /// <summary>Where the round begins; <see langword="null"/>: it does not, as a worker is lost or the run has failed.</summary>
    private async Task<StartPoint?> PrepareAsync(RoundInProgress current)
    {
        var replies = await Task.WhenAll(current.Plan.Workers.Select((_, index) => AskAsync(current, index, worker => worker.PrepareAsync(current.Plan, index))));
        if (replies.Any(reply => reply is null))
        {
            return null;
        }
        if (replies.FirstOrDefault(reply => reply!.Failure is not null) is { Failure: { } failure })
        {
            await EndAsync(RunState.Failed, failure);
            return null;
        }
        var ready = replies[0]!;
        if (replies.Any(reply => !reply!.Switches.OrderBy(entry => entry.Key).SequenceEqual(ready.Switches.OrderBy(entry => entry.Key))))
        {
            await EndAsync(RunState.Failed, "The workers' machines differ in what the bits depend on (see switches): use machines of one kind.");
            return null;
        }
        var start = RoundPlanner.Start([.. replies.Select(reply => reply!.Step is { } step ? new Training.Loop.Position(step, reply.Phase) : (Training.Loop.Position?)null)], 0);
        if (Status.Spec.Resume && start.Step == 0 && current.Plan.Number == 1)
        {
            await EndAsync(RunState.Failed, $"No whole checkpoint lies in {Status.Spec.Output}.");
            return null;
        }
        Status = Status with { TotalSteps = ready.TotalSteps, StepsPerEpoch = ready.StepsPerEpoch, Unit = ready.Unit, Measure = ready.Measure, Switches = ready.Switches, Step = start.Step };
        return start;
    }

    private async Task<bool> StartAsync(RoundInProgress current, StartPoint start)
    {
        var started = await Task.WhenAll(current.Plan.Workers.Select((_, index) => AskAsync(current, index, async worker =>
        {
            await worker.StartAsync(RunId, current.Plan.Number, start);
            return true;
        })));
        if (!started.All(one => one))
        {
            return false;
        }
        LogRoundStarted(RunId, current.Plan.Number, current.Plan.Workers.Count, start.Step);
        await ChangeAsync(Status, RunState.Running, start.Step == 0 ? "Training from the first step." : $"Training from step {start.Step}.");
        if (record.State.CancelReason is { } reason)
        {
            await ChangeAsync(Status, RunState.Stopping, reason);
            await StopRoundAsync();
        }
        return true;
    }

    /// <summary>Waits for the end of the round: by the workers' word, or because a node of it has left.</summary>
    private async Task ListenAsync(RoundInProgress current)
    {
        while (await Task.WhenAny(current.Outcome, Task.Delay(Attention, time)) != current.Outcome)
        {
            if (leaving)
            {
                return;
            }
            var alive = (await Cluster.GetNodesAsync()).Select(node => node.Silo).ToHashSet();
            if (current.Plan.Workers.FirstOrDefault(worker => !alive.Contains(worker.Slot.Node.Silo)) is { } lost)
            {
                LogWorkerLost(RunId, lost.Slot.Key, "its silo has left the cluster");
                return;
            }
        }
        var (kind, message, hash) = await current.Outcome;
        switch (kind)
        {
            case ReportKind.Finished:
                Status = Status with { WeightsSha256 = hash };
                await EndAsync(RunState.Succeeded, "All steps are made.");
                break;
            case ReportKind.Stopped:
                Status = Status with { WeightsSha256 = hash };
                await EndAsync(RunState.Cancelled, record.State.CancelReason ?? "Stopped.");
                break;
            case ReportKind.Failed:
                await EndAsync(RunState.Failed, Status.Checkpoint is { } checkpoint ? $"{message} The newest checkpoint is {checkpoint}." : message);
                break;
            default:
                LogWorkerLost(RunId, "a worker", message);
                break;
        }
    }

    private void Hear(RoundInProgress current, WorkerReport report)
    {
        switch (report.Kind)
        {
            case ReportKind.Progress:
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
                break;
            case ReportKind.Checkpoint:
                Status = Directory.Exists(report.Message) ? Status with { Checkpoint = report.Message } : Status;
                LogCheckpoint(RunId, report.Step, report.Message!);
                events.Add(Directory.Exists(report.Message) ? $"Checkpoint of step {report.Step} in {report.Message}." : report.Message!, Status);
                break;
            default:
                Status = Status with { Step = Math.Max(Status.Step, report.Step) };
                current.WorkerEnded(report);
                break;
        }
    }

    private Task StopRoundAsync() => round is not { } current ? Task.CompletedTask : Task.WhenAll(current.Plan.Workers.Select((_, index) =>
        AskAsync(current, index, async worker =>
        {
            await worker.StopAsync(RunId, current.Plan.Number);
            return true;
        })));

    /// <summary>A worker's answer; the default if the worker cannot be reached.</summary>
    private async Task<T?> AskAsync<T>(RoundInProgress current, int index, Func<IWorkerGrain, Task<T>> ask)
    {
        var slot = current.Plan.Workers[index].Slot.Key;
        try
        {
            return await ask(GrainFactory.GetGrain<IWorkerGrain>(slot));
        }
        catch (Exception error)
        {
            LogWorkerLost(RunId, slot, error.Message);
            return default;
        }
    }

    private async Task EndAsync(RunState state, string reason)
    {
        var last = round;
        round = null;
        if (last is not null)
        {
            await Task.WhenAll(last.Plan.Workers.Select((_, index) => AskAsync(last, index, async worker =>
            {
                await worker.ReleaseAsync(RunId, last.Plan.Number);
                return true;
            })));
        }
        await ChangeAsync(Status, state, reason);
    }

    private async Task ChangeAsync(RunStatus status, RunState state, string reason)
    {
        Status = status with { State = state, Reason = reason };
        await record.WriteStateAsync();
        LogStateChanged(RunId, state, reason);
        events.Add(reason, Status);
    }
}

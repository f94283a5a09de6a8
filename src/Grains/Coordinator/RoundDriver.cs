using Granary.Contracts;
using Granary.Grains.Telemetry;
using Microsoft.Extensions.Logging;

namespace Granary.Grains.Coordinator;

/// <summary>
/// Takes a run from round to round. Not on the path of a step: between the start of a round and its end it only listens. Lives on
/// the turns of the coordinator's grain.
/// </summary>
/// <param name="stayAwake">Keeps the grain from being deactivated until the returned object is disposed of.</param>
internal sealed partial class RoundDriver(
    RunBook book, IClusterMembershipService membership, IGrainFactory grains, TrainingInstruments instruments, TimeProvider time, ILogger logger, Func<IDisposable> stayAwake)
{
    private static readonly TimeSpan QueuePause = TimeSpan.FromMilliseconds(250);
    private readonly SlotAvoidance avoidance = new(time);
    private readonly FruitlessRounds fruitless = new(time);
    private readonly Throughput throughput = new();
    private TaskCompletionSource nudged = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private RoundInProgress? round;
    private bool driving;
    private IDisposable? awake;
    private RoundPlan? begun;
    private List<WorkerAssignment> lost = [];
    private readonly List<SlotInfo> unexplained = [];
    private string? wantOfMemory;
    private IReadOnlyList<int>? shares;

    /// <summary>The round under way, if one is.</summary>
    public RoundInProgress? Round => round;

    /// <summary>Whether the run is to stop at once: without waiting for the step under way or a checkpoint.</summary>
    public bool IsHurried { get; set; }

    /// <summary>Whether the run is at work, or on its way to be.</summary>
    public bool IsDriving => driving;

    private string RunId => book.RunId;

    private RunStatus Status
    {
        get => book.Status;
        set => book.Status = value;
    }

    private IClusterGrain Cluster => grains.GetGrain<IClusterGrain>(0);

    public void Drive()
    {
        if (!driving && Status is { HasEnded: false, State: not RunState.Paused })
        {
            driving = true;
            throughput.GoOn(Status.Units, Status.Elapsed);
            awake = stayAwake();
            instruments.RunStarted(Status.Spec.Task);
            _ = DriveAsync();
        }
    }

    /// <summary>Something has changed that it may be waiting for.</summary>
    public void Nudge() => nudged.TrySetResult();

    private async Task DriveAsync()
    {
        try
        {
            IReadOnlyList<SlotInfo> slots = await TakeOverAsync();
            while (!book.IsLeft && Status is { HasEnded: false, State: not RunState.Paused })
            {
                await ExplainLossesAsync();
                // To stop with a checkpoint takes a round that does so, if there is somebody to hold it.
                if (book.Record.StopReason is not null && (slots.Count == 0 || Status.Step == 0 || fruitless.TooManyToStop || IsHurried))
                {
                    await EndStoppedAsync();
                    slots = [];
                }
                else if (slots.Count > 0 || (slots = await AcquireAsync()).Count > 0)
                {
                    slots = await RunRoundAsync(slots);
                }
                else
                {
                    await WaitAsync(QueuePause);
                }
            }
        }
        catch (CommandLostException)
        {
        }
        catch (Exception error) when (!book.IsLeft)
        {
            LogDriveFailed(error, RunId);
            await EndAsync(RunState.Failed, error.Message);
        }
        finally
        {
            driving = false;
            awake?.Dispose();
            instruments.RunEnded(Status.Spec.Task);
        }
    }

    /// <summary>
    /// Goes on with the round of the activation before, if its workers are still at it: they have not noticed. Otherwise
    /// answers with those of its slots that are left, for a new round.
    /// </summary>
    private async Task<IReadOnlyList<SlotInfo>> TakeOverAsync()
    {
        if (book.Record.Plan is not { } plan)
        {
            return [];
        }
        var current = round = new(plan);
        var replies = await Task.WhenAll(Indices(plan).Select(index => AskAsync(plan, index, worker => worker.GetRoundStateAsync(RunId, plan.Number))));
        if (!replies.All(reply => reply.Answer is { Trains: true }))
        {
            (begun, round) = (plan, null);
            return Reachable(current);
        }
        LogTookOver(RunId, plan.Number);
        begun = plan;
        await book.ChangeAsync(Status, book.Record.StopReason is null ? RunState.Running : RunState.Stopping, book.Record.StopReason ?? $"Round {plan.Number} goes on under a new coordinator.");
        foreach (var end in replies.Select(reply => reply.Answer!.End).OfType<WorkerReport>())
        {
            Hear(current, end);
        }
        return await ConductAsync(current, () => ListenAsync(current));
    }

    /// <summary>Slots for the next round, from the cluster; none: it has none to give, and the run says why it waits.</summary>
    private async Task<IReadOnlyList<SlotInfo>> AcquireAsync()
    {
        var reply = await AskClusterAsync() ?? new([], "Waits for the cluster's list of slots.");
        if (book.Record.StopReason is not null)
        {
            return reply.Slots;
        }
        var waiting = Status.State is RunState.Queued or RunState.Starting ? RunState.Queued : RunState.Recovering;
        var reason = avoidance.Unfit.Length == 0 ? reply.Reason : $"{reply.Reason} Not for this run: {avoidance.Unfit}";
        if (reply.Slots.Count == 0 && (Status.State, Status.Reason) != (waiting, reason))
        {
            await book.ChangeAsync(Status, waiting, reason);
        }
        return reply.Slots;
    }

    /// <summary><see langword="null"/>: the cluster's list cannot be reached.</summary>
    private async Task<SlotReply?> AskClusterAsync()
    {
        avoidance.Forgive();
        try
        {
            var started = book.Record.Round > 0;
            var minimum = Status.Spec.MinWorkers > 0 ? Math.Min(Status.Spec.MinWorkers, Status.Workers) : Status.Workers;
            return await Cluster.AcquireAsync(new(
                RunId,
                started ? 1 : minimum,
                Status.Workers,
                Status.Spec.Priority,
                started,
                [.. avoidance.Silos],
                book.Record.Plan is { } plan ? [.. SlotsOf(plan)] : [],
                Status.Spec.Versions.ToDictionary()) { Device = Status.Spec.Device });
        }
        catch (Exception away)
        {
            LogClusterAway(away, RunId);
            return null;
        }
    }

    private async Task EndStoppedAsync()
    {
        var (reason, pausing) = (book.Record.StopReason!, book.Record.Pausing);
        if (Status.State != RunState.Stopping)
        {
            await book.ChangeAsync(Status, RunState.Stopping, reason);
        }
        (book.Record.StopReason, book.Record.Pausing) = (null, false);
        fruitless.Forget();
        await EndAsync(pausing ? RunState.Paused : RunState.Cancelled, reason);
    }

    /// <summary>Writes first: a coordinator that has lost command must free nothing.</summary>
    public async Task EndAsync(RunState state, string reason)
    {
        var plan = book.Record.Plan;
        (book.Record.Plan, round) = (null, null);
        await book.ChangeAsync(Status, state, reason);
        TraceEnd();
        if (plan is not null)
        {
            await ReleaseAsync(plan, SlotsOf(plan).Union(warming.Keys, SlotComparer.Instance));
            warming.Clear();
        }
        try
        {
            await Cluster.ReleaseAsync(RunId);
        }
        catch (Exception away)
        {
            LogClusterAway(away, RunId);
        }
    }

    /// <summary>The run as a whole becomes a span once it has ended, as no silo lives for its time for certain.</summary>
    private void TraceEnd()
    {
        if (Status.HasEnded)
        {
            using var span = RunTrace.Begin("train run", book.Record.Trace, RunId, started: Status.Started ?? Status.Since);
            span?.SetTag("task", Status.Spec.Task).SetTag("state", Status.State.ToString().ToLowerInvariant()).SetTag("step", Status.Step).SetTag("rounds", book.Record.Round);
            if (Status.State == RunState.Failed)
            {
                span.Fail(Status.Reason);
            }
        }
    }

    public void Hear(RoundInProgress current, WorkerReport report)
    {
        book.Record.Furthest = Math.Max(book.Record.Furthest, report.Step);
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
                    book.Events.Progress(Status);
                }
                break;
            case ReportKind.Checkpoint:
                Status = report.Written ? Status with { Checkpoint = report.Message } : Status;
                LogCheckpoint(RunId, report.Step, report.Message!);
                book.Events.Add(report.Written ? $"Checkpoint of step {report.Step} in {report.Message}." : report.Message!, Status, report.Written ? EventKind.Checkpoint : EventKind.Remark);
                break;
            case ReportKind.Remark:
                // A remark says more than a reminder: reminders wait.
                reminded = time.GetTimestamp() + (RemindEvery.Ticks * time.TimestampFrequency / TimeSpan.TicksPerSecond);
                // After the last step nothing else is on its way that would take its place.
                Status = report.Step == Status.TotalSteps ? Status with { Reason = report.Message! } : Status;
                LogRemark(RunId, report.Message!);
                book.Events.Add(report.Message!, Status);
                break;
            default:
                Status = Status with { Step = Math.Max(Status.Step, report.Step) };
                current.WorkerEnded(report);
                break;
        }
    }

    private async Task WaitAsync(TimeSpan atMost)
    {
        await Task.WhenAny(nudged.Task, Task.Delay(atMost, time));
        if (nudged.Task.IsCompleted)
        {
            nudged = new(TaskCreationOptions.RunContinuationsAsynchronously);
        }
    }

    /// <summary>For a while, leaves alone the silo of a worker that cannot be reached.</summary>
    private void Lose(SlotInfo slot, string? reason, bool beforeItTrained = false)
    {
        unexplained.Add(slot);
        lost.AddRange(begun?.Workers.Where(worker => SlotComparer.Instance.Equals(worker.Slot, slot)) ?? []);
        LogWorkerLost(RunId, slot.Key, reason);
        book.Events.Add($"Lost {slot.Key}: {reason}", Status, EventKind.Lost);
        avoidance.Lose(slot, beforeItTrained);
    }

    /// <summary>Says of silos that are gone what their last word makes likely.</summary>
    private async Task ExplainLossesAsync()
    {
        // Who cannot be reached may be known to be dead later only, if it is.
        foreach (var node in unexplained.Where(IsGone).Select(slot => slot.Node).DistinctBy(node => node.Silo).ToList())
        {
            unexplained.RemoveAll(slot => slot.Node.Silo == node.Silo);
            if (MemoryRule.Suspect(await LastWordOfAsync(node)) is { } suspicion)
            {
                wantOfMemory = suspicion;
                LogRemark(RunId, suspicion);
                book.Events.Add(suspicion, Status);
            }
        }
    }

    /// <summary>What it said when its slot was given out, if the cluster's list has forgotten it: the list may have lived there.</summary>
    private async Task<NodeInfo> LastWordOfAsync(NodeInfo node)
    {
        try
        {
            return await Cluster.GetLastAsync(node.Silo) ?? node;
        }
        catch (Exception away)
        {
            LogClusterAway(away, RunId);
            return node;
        }
    }

    private bool IsGone(SlotInfo slot) => membership.CurrentSnapshot.GetSiloStatus(SiloAddress.FromParsableString(slot.Node.Silo)) is SiloStatus.Dead or SiloStatus.None;

    private static IReadOnlyList<SlotInfo> SlotsOf(RoundPlan plan) => [.. plan.Workers.Select(worker => worker.Slot)];

    private static IEnumerable<int> Indices(RoundPlan plan) => Enumerable.Range(0, plan.Workers.Count);
}

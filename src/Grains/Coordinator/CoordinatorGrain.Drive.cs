using Granary.Contracts;
using Granary.Grains.Telemetry;
using Orleans.Runtime;

namespace Granary.Grains.Coordinator;

/// <summary>From round to round.</summary>
internal sealed partial class CoordinatorGrain
{
    private static readonly TimeSpan QueuePause = TimeSpan.FromMilliseconds(250);
    private readonly SlotAvoidance avoidance = new(time);
    private readonly FruitlessRounds fruitless = new(time);
    private TaskCompletionSource nudged = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private bool driving;
    private IGrainTimer? awake;
    private RoundPlan? begun;
    private List<WorkerAssignment> lost = [];
    private IReadOnlyList<int>? shares;

    private void Drive()
    {
        if (!driving && Status is { HasEnded: false, State: not RunState.Paused })
        {
            driving = true;
            // A run must not be put to rest between two reports of its workers; one that has ended may.
            awake = this.RegisterGrainTimer(_ => Task.CompletedTask, new GrainTimerCreationOptions { DueTime = TimeSpan.Zero, Period = TimeSpan.FromMinutes(1), KeepAlive = true });
            instruments.RunStarted(Status.Spec.Task);
            _ = DriveAsync();
        }
    }

    private void Nudge() => nudged.TrySetResult();

    private async Task DriveAsync()
    {
        using var activity = TrainingInstruments.Activities.StartActivity("train run");
        activity?.SetTag("run.id", RunId);
        activity?.SetTag("task", Status.Spec.Task);
        try
        {
            IReadOnlyList<SlotInfo> slots = await TakeOverAsync();
            while (!leaving && Status is { HasEnded: false, State: not RunState.Paused })
            {
                // To stop with a checkpoint takes a round that does so, if there is somebody to hold it.
                if (record.State.StopReason is not null && (slots.Count == 0 || Status.Step == 0 || fruitless.TooManyToStop || hurried))
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
        catch (Exception error) when (!leaving)
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
    /// answers with those of its slots that are left, for a new one.
    /// </summary>
    private async Task<IReadOnlyList<SlotInfo>> TakeOverAsync()
    {
        if (record.State.Plan is not { } plan)
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
        await ChangeAsync(Status, record.State.StopReason is null ? RunState.Running : RunState.Stopping, record.State.StopReason ?? $"Round {plan.Number} goes on under a new coordinator.");
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
        if (record.State.StopReason is not null)
        {
            return reply.Slots;
        }
        var waiting = Status.State is RunState.Queued or RunState.Starting ? RunState.Queued : RunState.Recovering;
        var reason = avoidance.Unfit.Length == 0 ? reply.Reason : $"{reply.Reason} Not for this run: {avoidance.Unfit}";
        if (reply.Slots.Count == 0 && (Status.State, Status.Reason) != (waiting, reason))
        {
            await ChangeAsync(Status, waiting, reason);
        }
        return reply.Slots;
    }

    /// <summary><see langword="null"/>: the cluster's list is away.</summary>
    private async Task<SlotReply?> AskClusterAsync()
    {
        avoidance.Forgive();
        try
        {
            var started = record.State.Round > 0;
            var minimum = Status.Spec.MinWorkers > 0 ? Math.Min(Status.Spec.MinWorkers, Status.Workers) : Status.Workers;
            return await Cluster.AcquireAsync(new(
                RunId,
                started ? 1 : minimum,
                Status.Workers,
                Status.Spec.Priority,
                started,
                [.. avoidance.Silos],
                record.State.Plan is { } plan ? [.. SlotsOf(plan)] : [],
                Status.Spec.Versions.ToDictionary()));
        }
        catch (Exception away)
        {
            LogClusterAway(away, RunId);
            return null;
        }
    }

    private async Task EndStoppedAsync()
    {
        var (reason, pausing) = (record.State.StopReason!, record.State.Pausing);
        if (Status.State != RunState.Stopping)
        {
            await ChangeAsync(Status, RunState.Stopping, reason);
        }
        (record.State.StopReason, record.State.Pausing) = (null, false);
        fruitless.Forget();
        await EndAsync(pausing ? RunState.Paused : RunState.Cancelled, reason);
    }

    /// <summary>Writes first: a coordinator that has lost command must free nothing.</summary>
    private async Task EndAsync(RunState state, string reason)
    {
        var plan = record.State.Plan;
        (record.State.Plan, round) = (null, null);
        await ChangeAsync(Status, state, reason);
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

    private async Task WaitAsync(TimeSpan atMost)
    {
        await Task.WhenAny(nudged.Task, Task.Delay(atMost, time));
        if (nudged.Task.IsCompleted)
        {
            nudged = new(TaskCreationOptions.RunContinuationsAsynchronously);
        }
    }

    /// <summary>Leaves the silo of a worker that cannot be reached alone for a while.</summary>
    private void Lose(SlotInfo slot, string? reason, bool beforeItTrained = false)
    {
        lost.AddRange(begun?.Workers.Where(worker => SlotComparer.Instance.Equals(worker.Slot, slot)) ?? []);
        LogWorkerLost(RunId, slot.Key, reason);
        events.Add($"Lost {slot.Key}: {reason}", Status);
        avoidance.Lose(slot, beforeItTrained);
    }

    private bool IsGone(SlotInfo slot) => membership.CurrentSnapshot.GetSiloStatus(SiloAddress.FromParsableString(slot.Node.Silo)) is SiloStatus.Dead or SiloStatus.None;

    private static IReadOnlyList<SlotInfo> SlotsOf(RoundPlan plan) => [.. plan.Workers.Select(worker => worker.Slot)];

    private static IEnumerable<int> Indices(RoundPlan plan) => Enumerable.Range(0, plan.Workers.Count);
}

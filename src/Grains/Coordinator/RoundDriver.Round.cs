using System.Diagnostics;
using Granary.Contracts;
using Granary.Grains.Telemetry;
using Granary.Training.Tasks;

namespace Granary.Grains.Coordinator;

/// <summary>One round: its plan, its start, and what it leaves.</summary>
internal sealed partial class RoundDriver
{
    /// <summary>From its plan to its end.</summary>
    /// <returns>Slots for the next round; none: ask the cluster.</returns>
    private async Task<IReadOnlyList<SlotInfo>> RunRoundAsync(IReadOnlyList<SlotInfo> slots)
    {
        // The number is on storage before anyone hears of the round: a coordinator that comes back never uses it again.
        var before = book.Record.Plan;
        var number = book.Record.Round + 1;
        var span = RunTrace.BeginOneOfMany("begin round", number, book.Record.Trace, RunId);
        var plan = RoundPlanner.Plan(Status.Spec, number, Guid.NewGuid(), slots, shares) with { Trace = span?.Id ?? book.Record.Trace };
        shares = null;
        (book.Record.Round, book.Record.Plan) = (plan.Number, plan);
        var current = round = new(plan);
        await book.ChangeAsync(
            Status with
            {
                Round = plan.Number,
                Started = Status.Started ?? time.GetUtcNow(),
                Slots = [.. plan.Workers.Select(worker => $"{worker.Slot.Key}{(worker.Slot.Device == DeviceName.Cpu ? "" : $" on {worker.Slot.Device}")} [{worker.ShardStart}, {worker.ShardEnd})")],
                Processes = plan.Workers.Select(worker => worker.Slot.Node.Process).Distinct().Count(),
            },
            book.Record.StopReason is not null ? RunState.Stopping : plan.Number == 1 ? RunState.Starting : Status.State == RunState.Running ? RunState.Running : RunState.Recovering,
            $"Round {plan.Number} with {plan.Workers.Count} worker{(plan.Workers.Count == 1 ? "" : "s")}.",
            EventKind.Round);
        if (before is not null && SlotsOf(plan).Except(SlotsOf(before), SlotComparer.Instance).ToList() is { Count: > 0 } added)
        {
            book.Events.Add($"{string.Join(", ", added.Select(slot => slot.Key))} joined.", Status, EventKind.Joined);
        }
        return await ConductAsync(current, async () =>
        {
            if (before is not null)
            {
                _ = ReleaseAsync(before, SlotsOf(before).Except(SlotsOf(plan), SlotComparer.Instance));
            }
            return await BeginAsync(current, span) ?? await ListenAsync(current);
        });
    }

    /// <returns><see langword="null"/>: all workers train.</returns>
    private async Task<IReadOnlyList<SlotInfo>?> BeginAsync(RoundInProgress current, Activity? span)
    {
        using (span)
        {
            span?.SetTag("round", current.Plan.Number).SetTag("workers", current.Plan.Workers.Count);
            var unstarted = await PrepareAsync(current) is { } start ? await StartAsync(current, start) : Reachable(current);
            span?.SetTag("step", Status.Step);
            if (unstarted is not null)
            {
                span.Fail(Status.Reason);
            }
            return unstarted;
        }
    }

    private async Task<IReadOnlyList<SlotInfo>> ConductAsync(RoundInProgress current, Func<Task<IReadOnlyList<SlotInfo>>> conduct)
    {
        var plan = current.Plan;
        instruments.RoundBegan(plan.Spec.Task, plan.Workers.Count);
        try
        {
            return await conduct();
        }
        finally
        {
            instruments.RoundEnded(plan.Spec.Task, plan.Workers.Count);
            current.End();
            throughput.EndRound();
            pace.EndRound();
        }
    }

    /// <summary>Takes the losses since the last round into account: a shard that kills one worker after the other ends the run.</summary>
    private async Task<bool> IsGivenUpAsync()
    {
        // Not the step where the next round begins: when the last replica is lost, that is far before the step where it died.
        var step = book.Record.Furthest;
        if (lost.Count == 0)
        {
            wantOfMemory = null;
            unexplained.Clear();
            book.Record.Losses = book.Record.Losses.AfterStep(step);
            return false;
        }
        book.Record.Losses = book.Record.Losses.After(WorkerLoss.Of(step, lost));
        lost = [];
        await book.WriteAsync();
        if (RetryRule.Decide(book.Record.Losses) is { GoOn: false } decision)
        {
            await ExplainLossesAsync();
            await FailAsync(WithSuspicion(decision.Reason));
            return true;
        }
        return false;
    }

    /// <summary><see langword="null"/>: all workers train.</summary>
    private async Task<IReadOnlyList<SlotInfo>?> StartAsync(RoundInProgress current, StartPoint start)
    {
        var plan = current.Plan;
        var starting = Indices(plan).Select(index => AskUntilAnsweredAsync(plan, index, worker => worker.StartAsync(RunId, plan.Number, start))).ToList();
        var asked = starting.ToList();
        // The first worker that cannot start decides: the others may be waiting for it.
        while (starting.Count > 0)
        {
            var first = Task.WhenAny(starting);
            if (!await AwaitAsync(first, () => $"{Silent(plan, asked)} to begin at step {start.Step}"))
            {
                return Reachable(current);
            }
            var (slot, started, reason) = await await first;
            starting.RemoveAll(one => one.IsCompleted && one.Result.Answer is { Unusable: null, Unfit: null });
            if (started is not { Unusable: null, Unfit: null })
            {
                await NotStartedAsync(current, start, slot, started, reason);
                return Reachable(current);
            }
        }
        (begun, book.Record.Differs) = (plan, false);
        fruitless.Started();
        avoidance.Begun();
        LogRoundStarted(RunId, plan.Number, plan.Workers.Count, start.Step);
        await book.ChangeAsync(
            Status,
            book.Record.StopReason is null ? RunState.Running : RunState.Stopping,
            book.Record.StopReason ?? (start.Step == 0 ? "Training from the first step." : $"Training from step {start.Step}."));
        return null;
    }

    private async Task NotStartedAsync(RoundInProgress current, StartPoint start, SlotInfo slot, StartReply? reply, string? unreached)
    {
        var reason = reply?.Unusable ?? reply?.Unfit ?? unreached!;
        LogNotStarted(RunId, current.Plan.Number, slot.Key, reason);
        if (reply?.Unusable is not null)
        {
            book.Record.Unusable[start.Step] = reason;
            await RecoverAsync($"The checkpoint of step {start.Step} cannot be used: {reason}");
            return;
        }
        if (reply?.Unfit is not null)
        {
            DoWithout(slot, reason);
            if (current.Plan.Workers.Count == 1)
            {
                await FailAsync(reason);
            }
            return;
        }
        if (IsGone(slot))
        {
            Lose(slot, reason);
        }
        await RecoverAsync($"Round {current.Plan.Number} did not start: {slot.Key}: {reason}");
        fruitless.NotStarted();
        if (fruitless.NoneStarts)
        {
            await FailAsync($"Round after round did not start, the last one as {slot.Key} said: {reason}");
            return;
        }
        await fruitless.BackOffAsync();
    }

    private Task ReleaseAsync(RoundPlan plan, IEnumerable<SlotInfo> slots) => Task.WhenAll(slots.Where(slot => !IsGone(slot)).Select(async slot =>
    {
        try
        {
            await grains.GetGrain<IWorkerGrain>(slot.Key).ReleaseAsync(RunId, plan.Number);
        }
        catch (Exception unreachable)
        {
            LogWorkerLost(RunId, slot.Key, PlainReason.Of(unreachable));
        }
    }));

    /// <summary>The slots of the round that are not known to be lost.</summary>
    private IReadOnlyList<SlotInfo> Reachable(RoundInProgress current)
    {
        if (Status.HasEnded)
        {
            return [];
        }
        foreach (var slot in SlotsOf(current.Plan).Where(slot => IsGone(slot) && !avoidance.Includes(slot)))
        {
            Lose(slot, "its silo has left the cluster");
        }
        return [.. SlotsOf(current.Plan).Where(slot => !avoidance.Includes(slot))];
    }

    private string WithSuspicion(string reason) => wantOfMemory is { } suspicion ? $"{reason} {suspicion}" : reason;

    private Task FailAsync(string message) =>
        EndAsync(RunState.Failed, Status.Checkpoint is { } checkpoint ? $"{message} The newest checkpoint is {checkpoint}." : message);

    private static bool Same(Dictionary<string, string> left, Dictionary<string, string> right) =>
        left.OrderBy(entry => entry.Key).SequenceEqual(right.OrderBy(entry => entry.Key));

    private static bool Same(IReadOnlyList<SlotInfo> left, IReadOnlyList<SlotInfo> right) =>
        left.Count == right.Count && left.All(slot => right.Contains(slot, SlotComparer.Instance));
}

using Granary.Contracts;

namespace Granary.Grains.Coordinator;

/// <summary>A round under way: how it ends, and who joins or leaves it.</summary>
internal sealed partial class RoundDriver
{
    private static readonly TimeSpan AskStatesEvery = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan Attention = TimeSpan.FromMilliseconds(250);
    private readonly PaceWatch pace = new(instruments, time);
    private readonly Dictionary<SlotInfo, Task<bool>> warming = new(SlotComparer.Instance);

    /// <summary>Waits for the end of the round: by the workers' word, or because a node of it has left. Lets nodes join and go.</summary>
    private async Task<IReadOnlyList<SlotInfo>> ListenAsync(RoundInProgress current)
    {
        var plan = current.Plan;
        var next = SlotsOf(plan);
        Task<SlotReply?>? asking = null;
        var (asked, stall) = (time.GetTimestamp(), new StallWatch(time));
        while (!current.Outcome.IsCompleted)
        {
            await Task.WhenAny(current.Outcome, WaitAsync(Attention));
            if (book.IsLeft)
            {
                return [];
            }
            if (SlotsOf(plan).Any(IsGone))
            {
                await RecoverAsync($"Round {plan.Number} broke off: a silo has left the cluster.");
                return Reachable(current);
            }
            current.Settle();
            if (IsHurried && !current.Outcome.IsCompleted)
            {
                book.Record.StopReason += " It ended at once, without a checkpoint.";
                return [];
            }
            if (book.Record.StopReason is not null)
            {
                await StopRoundAsync(current, checkpoint: true);
            }
            else if (!current.Stopping && (asking ??= AskClusterAsync()).IsCompleted)
            {
                var reply = await asking;
                asking = null;
                next = reply is null ? SlotsOf(plan) : NextSlots(plan, reply);
                shares = SharesByPace(current);
                if (!Same(next, SlotsOf(plan)) || shares is not null)
                {
                    LogChanging(RunId, plan.Number, next.Count);
                    await StopRoundAsync(current, checkpoint: next.Count == 0);
                }
            }
            RemindOf(current, stall.Look(Status.Step));
            if (time.GetElapsedTime(asked) > AskStatesEvery)
            {
                asked = time.GetTimestamp();
                _ = AskStatesAsync(current);
                if (current.Stopping)
                {
                    _ = SendStopAsync(current);
                }
            }
        }
        var (kind, message, hash) = await current.Outcome;
        switch (kind)
        {
            case ReportKind.Differs:
                await DisagreeAsync(plan, current.DiffersAt, current.Odd);
                return Reachable(current);
            case ReportKind.Finished:
                Status = Status with { WeightsSha256 = hash };
                await EndAsync(RunState.Succeeded, Status.Step < Status.TotalSteps ? $"Ended at step {Status.Step} of {Status.TotalSteps}, as it does not get better." : "All steps are made.");
                return [];
            case ReportKind.Stopped:
                if (book.Record.StopReason is not null)
                {
                    if (message.Length > 0 && !book.Record.Pausing && Status.Step == Status.TotalSteps)
                    {
                        await FailAsync($"{message} The run was told to end without it.");
                        return [];
                    }
                    Status = Status with { WeightsSha256 = hash };
                    book.Record.StopReason += message.Length > 0 ? $" {message}" : "";
                    // A round that stopped for another reason has left no checkpoint: one more round stops with a checkpoint.
                    return current.StopsWithCheckpoint ? [] : SlotsOf(plan);
                }
                if (next.Count == 0)
                {
                    await LeaveAllAsync(plan);
                }
                return next;
            case ReportKind.Failed:
                await FailAsync(message);
                return [];
            default:
                LogRoundBroke(RunId, plan.Number, message);
                await RecoverAsync($"Round {plan.Number} broke off: {message}");
                await fruitless.BackOffAsync();
                return Reachable(current);
        }
    }

    /// <summary>
    /// What the next round would train on, by the cluster's word: slots that are to be left are out at once, new ones in as
    /// soon as their replicas are built.
    /// </summary>
    private IReadOnlyList<SlotInfo> NextSlots(RoundPlan plan, SlotReply reply)
    {
        var now = SlotsOf(plan);
        var added = reply.Slots.Except(now, SlotComparer.Instance).ToList();
        foreach (var slot in added.Where(slot => !warming.ContainsKey(slot)))
        {
            warming.Add(slot, WarmUpAsync(slot));
        }
        foreach (var slot in warming.Keys.Except(added, SlotComparer.Instance).ToList())
        {
            warming.Remove(slot);
            if (!now.Contains(slot, SlotComparer.Instance))
            {
                _ = ReleaseAsync(plan, [slot]);
            }
        }
        return warming.Values.All(one => one.IsCompleted)
            ? [.. reply.Slots.Where(slot => now.Contains(slot, SlotComparer.Instance) || (warming.TryGetValue(slot, out var warm) && warm.Result))]
            : [.. reply.Slots.Intersect(now, SlotComparer.Instance)];
    }

    /// <summary>How many shards each worker should have, if that is worth a new round.</summary>
    private IReadOnlyList<int>? SharesByPace(RoundInProgress current)
    {
        var verdict = pace.Look(current);
        foreach (var straggler in verdict.Stragglers)
        {
            LogStraggler(RunId, straggler);
            book.Events.Add($"{straggler}.", Status);
        }
        if (verdict.Replan is { } replan)
        {
            LogReplanned(RunId, replan.Reason);
            book.Events.Add(replan.Reason, Status);
        }
        return verdict.Replan?.Shares;
    }

    private async Task<bool> WarmUpAsync(SlotInfo slot)
    {
        try
        {
            if (await grains.GetGrain<IWorkerGrain>(slot.Key).WarmUpAsync(Status.Spec))
            {
                return true;
            }
        }
        catch (Exception error)
        {
            LogWorkerLost(RunId, slot.Key, PlainReason.Of(error));
        }
        avoidance.Lose(slot);
        return false;
    }

    /// <summary>Asks the workers how they stand: a last word may have gone to a coordinator that is no more.</summary>
    private async Task AskStatesAsync(RoundInProgress current)
    {
        var plan = current.Plan;
        var replies = await Task.WhenAll(Indices(plan).Select(index => AskAsync(plan, index, worker => worker.GetRoundStateAsync(RunId, plan.Number))));
        foreach (var (reply, index) in replies.Select((reply, index) => (reply.Answer, index)).Where(one => one.Answer is not null && round == current))
        {
            if (reply!.End is { } end)
            {
                Hear(current, end);
            }
            else if (!reply.Trains)
            {
                Hear(current, new() { Round = plan.Number, Worker = index, Kind = ReportKind.Aborted, Message = $"{plan.Workers[index].Slot.Key} has left the round." });
            }
        }
    }

    /// <summary>
    /// The workers' states are not equal. Since they last were, each worker has computed from a state that may have been wrong, and
    /// all have used the sums: so all go back to a state that they agreed on, the many as well as the few.
    /// </summary>
    /// <param name="odd">The workers, by number, without the most common state; empty: no state is the most common.</param>
    private async Task DisagreeAsync(RoundPlan plan, long step, IReadOnlyList<int> odd)
    {
        book.Record.Differences = step > book.Record.DifferedAt ? 1 : book.Record.Differences + 1;
        (book.Record.Differs, book.Record.DifferedAt) = (true, Math.Max(step, book.Record.DifferedAt));
        var who = odd.Count == 0
            ? string.Join(" and ", plan.Workers.Select(worker => worker.Slot.Key))
            : $"{string.Join(", ", odd.Select(worker => plan.Workers[worker].Slot.Key))} from the other {plan.Workers.Count - odd.Count}";
        var difference = $"The workers' states differ at step {step}: {who}. A machine has changed what it should remember.";
        LogStatesDiffer(RunId, difference);
        if (book.Record.Differences >= DisagreementRule.Times)
        {
            await FailAsync($"{difference} It is the {DisagreementRule.Times}rd time in a row: take that machine out of use.");
            return;
        }
        await RecoverAsync($"{difference} All go back to the last checkpoint that they agreed on.");
    }

    private Task RecoverAsync(string reason) => book.ChangeAsync(Status, book.Record.StopReason is null ? RunState.Recovering : RunState.Stopping, reason);

    /// <summary>Every node of the run is leaving: the run has left a checkpoint and waits for other nodes.</summary>
    private async Task LeaveAllAsync(RoundPlan plan)
    {
        (book.Record.Plan, round) = (null, null);
        await book.ChangeAsync(Status, RunState.Recovering, $"All its nodes are leaving: waits for others at step {Status.Step}.");
        await ReleaseAsync(plan, SlotsOf(plan));
    }

    private async Task StopRoundAsync(RoundInProgress current, bool checkpoint)
    {
        if (!current.Stopping)
        {
            (current.Stopping, current.StopsWithCheckpoint) = (true, checkpoint);
            await SendStopAsync(current);
        }
    }

    private Task SendStopAsync(RoundInProgress current) => Task.WhenAll(Indices(current.Plan).Select(index => AskAsync(current.Plan, index, async worker =>
    {
        await worker.StopAsync(RunId, current.Plan.Number, current.StopsWithCheckpoint);
        return true;
    })));
}

using Granary.Contracts;
using Granary.Grains.Telemetry;
using Granary.Training.Loop;
using Orleans.Runtime;

namespace Granary.Grains.Coordinator;

/// <summary>One round: its plan, where it begins, its start.</summary>
internal sealed partial class CoordinatorGrain
{
    /// <summary>From its plan to its end.</summary>
    /// <returns>Slots for the next round; none: ask the cluster.</returns>
    private async Task<IReadOnlyList<SlotInfo>> RunRoundAsync(IReadOnlyList<SlotInfo> slots)
    {
        // The number is on storage before anyone hears of the round: a coordinator that comes back never uses it again.
        var before = record.State.Plan;
        var plan = RoundPlanner.Plan(Status.Spec, record.State.Round + 1, Guid.NewGuid(), slots, shares);
        shares = null;
        (record.State.Round, record.State.Plan) = (plan.Number, plan);
        var current = round = new(plan);
        await ChangeAsync(
            Status with
            {
                Round = plan.Number,
                Slots = [.. plan.Workers.Select(worker => $"{worker.Slot.Key} [{worker.ShardStart}, {worker.ShardEnd})")],
                Processes = plan.Workers.Select(worker => worker.Slot.Node.Process).Distinct().Count(),
            },
            record.State.StopReason is not null ? RunState.Stopping : plan.Number == 1 ? RunState.Starting : Status.State == RunState.Running ? RunState.Running : RunState.Recovering,
            $"Round {plan.Number} with {plan.Workers.Count} workers.");
        return await ConductAsync(current, async () =>
        {
            if (before is not null)
            {
                _ = ReleaseAsync(before, SlotsOf(before).Except(SlotsOf(plan), SlotComparer.Instance));
            }
            return await PrepareAsync(current) is { } start ? await StartAsync(current, start) ?? await ListenAsync(current) : Reachable(current);
        });
    }

    private async Task<IReadOnlyList<SlotInfo>> ConductAsync(RoundInProgress current, Func<Task<IReadOnlyList<SlotInfo>>> conduct)
    {
        var plan = current.Plan;
        instruments.RoundBegan(plan.Spec.Task, plan.Workers.Count);
        using var activity = TrainingInstruments.Activities.StartActivity("train round");
        try
        {
            return await conduct();
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
        var plan = current.Plan;
        var asked = await Task.WhenAll(Indices(plan).Select(index => AskAsync(plan, index, worker => worker.PrepareAsync(plan, index))));
        foreach (var (slot, _, reason) in asked.Where(reply => reply.Answer is null))
        {
            Lose(slot, reason);
        }
        var replies = asked.Select(reply => reply.Answer).OfType<PrepareReply>().ToList();
        if (replies.Any(reply => reply.Fenced))
        {
            LoseCommand();
            return null;
        }
        if (replies.FirstOrDefault(reply => reply.TaskFailed) is { } failed)
        {
            await FailAsync(failed.Failure!);
            return null;
        }
        foreach (var (slot, reply, _) in asked.Where(reply => Unfit(reply.Answer) is not null).ToList())
        {
            Avoid(slot, Unfit(reply));
        }
        if (replies.Count < plan.Workers.Count || replies.Any(reply => Unfit(reply) is not null))
        {
            if (replies.Count > 0 && replies.All(reply => Unfit(reply) is not null))
            {
                await EndAsync(RunState.Failed, Unfit(replies[0])!);
            }
            return null;
        }
        return await FindStartAsync(current, replies);
    }

    /// <summary>Why the worker's node cannot train this run; <see langword="null"/>: it can.</summary>
    private string? Unfit(PrepareReply? reply) => reply switch
    {
        null => null,
        { Failure: { } failure } => failure,
        _ when Status.Switches.Count > 0 && !Same(reply.Switches, Status.Switches) => "Its machine differs from the others in what the bits depend on (see switches): use machines of one kind.",
        _ => null,
    };

    private async Task<StartPoint?> FindStartAsync(RoundInProgress current, List<PrepareReply> replies)
    {
        var ready = replies[0];
        if (replies.Any(reply => !Same(reply.Switches, ready.Switches)))
        {
            await EndAsync(RunState.Failed, "The workers' machines differ in what the bits depend on (see switches): use machines of one kind.");
            return null;
        }
        var positions = replies.Select(reply => reply.Step is { } step ? new Position(step, reply.Phase) : (Position?)null).ToList();
        var checkpoint = 0L;
        if ((positions.Max() ?? new(0)) == new Position(0) && (current.Plan.Number > 1 || Status.Spec.Resume))
        {
            var (found, answer, _) = await AskAsync(current.Plan, 0, worker => worker.FindCheckpointAsync(Status.Spec));
            if (answer is null)
            {
                return null;
            }
            foreach (var warning in answer.Warnings)
            {
                LogCheckpointSkipped(RunId, warning);
                events.Add($"{warning} It was passed over.", Status);
            }
            checkpoint = answer.Step ?? 0;
            if (Status.Spec.Resume && answer.Step is null)
            {
                await EndAsync(RunState.Failed, $"No whole checkpoint lies in {Status.Spec.Output}.");
                return null;
            }
        }
        var start = RoundPlanner.Start(positions, checkpoint);
        record.State.Furthest = Math.Max(record.State.Furthest, start.Step);
        if (await IsGivenUpAsync())
        {
            return null;
        }
        (fruitless, lastStart) = (start.Step > lastStart ? 0 : fruitless, start.Step);
        Status = Status with { TotalSteps = ready.TotalSteps, StepsPerEpoch = ready.StepsPerEpoch, Unit = ready.Unit, Measure = ready.Measure, Switches = ready.Switches, Step = start.Step };
        return start;
    }

    /// <summary>Takes the losses since the last round into account: a shard that kills one worker after the other ends the run.</summary>
    private async Task<bool> IsGivenUpAsync()
    {
        // Not where the next round begins: when the last replica is lost, that is far behind where it died.
        var step = record.State.Furthest;
        if (lost.Count == 0)
        {
            record.State.Losses = record.State.Losses.AfterStep(step);
            return false;
        }
        record.State.Losses = record.State.Losses.After(WorkerLoss.Of(step, lost));
        lost = [];
        await WriteAsync();
        if (RetryRule.Decide(record.State.Losses) is { GoOn: false } decision)
        {
            await FailAsync(decision.Reason);
            return true;
        }
        return false;
    }

    /// <summary><see langword="null"/>: all workers train.</summary>
    private async Task<IReadOnlyList<SlotInfo>?> StartAsync(RoundInProgress current, StartPoint start)
    {
        var plan = current.Plan;
        var starting = Indices(plan).Select(index => AskAsync(plan, index, async worker =>
        {
            await worker.StartAsync(RunId, plan.Number, start);
            return true;
        })).ToList();
        // The first that cannot decides: the others may be waiting for it.
        while (starting.Count > 0)
        {
            var (slot, started, reason) = await await Task.WhenAny(starting);
            starting.RemoveAll(one => one.IsCompleted && one.Result.Answer);
            if (!started)
            {
                LogNotStarted(RunId, plan.Number, slot.Key, reason);
                if (IsGone(slot))
                {
                    Lose(slot, reason);
                }
                await BackOffAsync();
                return Reachable(current);
            }
        }
        begun = plan;
        LogRoundStarted(RunId, plan.Number, plan.Workers.Count, start.Step);
        await ChangeAsync(
            Status,
            record.State.StopReason is null ? RunState.Running : RunState.Stopping,
            record.State.StopReason ?? (start.Step == 0 ? "Training from the first step." : $"Training from step {start.Step}."));
        return null;
    }

    private Task ReleaseAsync(RoundPlan plan, IEnumerable<SlotInfo> slots) => Task.WhenAll(slots.Where(slot => !IsGone(slot)).Select(async slot =>
    {
        try
        {
            await GrainFactory.GetGrain<IWorkerGrain>(slot.Key).ReleaseAsync(RunId, plan.Number);
        }
        catch (Exception unreachable)
        {
            LogWorkerLost(RunId, slot.Key, unreachable.Message);
        }
    }));

    /// <summary>The slots of the round that are not known to be lost.</summary>
    private IReadOnlyList<SlotInfo> Reachable(RoundInProgress current)
    {
        if (Status.HasEnded)
        {
            return [];
        }
        foreach (var slot in SlotsOf(current.Plan).Where(slot => IsGone(slot) && !avoided.ContainsKey(slot.Node.Silo)))
        {
            Lose(slot, "its silo has left the cluster");
        }
        return [.. SlotsOf(current.Plan).Where(slot => !avoided.ContainsKey(slot.Node.Silo))];
    }

    private Task FailAsync(string message) =>
        EndAsync(RunState.Failed, Status.Checkpoint is { } checkpoint ? $"{message} The newest checkpoint is {checkpoint}." : message);

    /// <summary>Rounds that break off one after the other without a step between them come ever more slowly.</summary>
    private async Task BackOffAsync()
    {
        var pause = TimeSpan.FromMilliseconds(25 * Math.Pow(2, Math.Min(fruitless++, 10)) - 25);
        await Task.Delay(pause < LongestPause ? pause : LongestPause, time);
    }

    /// <summary>A worker's answer; the default, and why, if the worker cannot be reached.</summary>
    private async Task<(SlotInfo Slot, T? Answer, string? Reason)> AskAsync<T>(RoundPlan plan, int index, Func<IWorkerGrain, Task<T>> ask)
    {
        var slot = plan.Workers[index].Slot;
        try
        {
            return (slot, await ask(GrainFactory.GetGrain<IWorkerGrain>(slot.Key)), null);
        }
        catch (Exception error)
        {
            return (slot, default, error.Message);
        }
    }

    private static bool Same(Dictionary<string, string> left, Dictionary<string, string> right) =>
        left.OrderBy(entry => entry.Key).SequenceEqual(right.OrderBy(entry => entry.Key));

    private static bool Same(IReadOnlyList<SlotInfo> left, IReadOnlyList<SlotInfo> right) =>
        left.Count == right.Count && left.All(slot => right.Contains(slot, SlotComparer.Instance));
}

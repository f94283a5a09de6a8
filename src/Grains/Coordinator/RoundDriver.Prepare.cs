using Granary.Contracts;
using Granary.Training.Loop;

namespace Granary.Grains.Coordinator;

/// <summary>Before a round begins: the workers make themselves ready, and it turns out where it begins.</summary>
internal sealed partial class RoundDriver
{
    /// <summary>Where the round begins; <see langword="null"/>: it does not, as a worker is lost or the run has failed.</summary>
    private async Task<StartPoint?> PrepareAsync(RoundInProgress current)
    {
        var plan = current.Plan;
        if (await AllReadyAsync(plan) is not { } asked)
        {
            return null;
        }
        foreach (var (slot, _, reason) in asked.Where(reply => reply.Answer is null))
        {
            Lose(slot, reason, beforeItTrained: true);
        }
        var replies = asked.Select(reply => reply.Answer).OfType<PrepareReply>().ToList();
        if (replies.Any(reply => reply.Fenced))
        {
            book.LoseCommand();
            return null;
        }
        if (replies.FirstOrDefault(reply => reply.TaskFailed) is { } failed)
        {
            await FailAsync(failed.Failure!);
            return null;
        }
        foreach (var (slot, reply, _) in asked.Where(reply => Unfit(reply.Answer) is not null).ToList())
        {
            DoWithout(slot, Unfit(reply)!);
        }
        if (replies.Count < plan.Workers.Count || replies.Any(reply => Unfit(reply) is not null))
        {
            if (replies.Count > 0 && replies.All(reply => Unfit(reply) is not null))
            {
                await EndAsync(RunState.Failed, Unfit(replies[0])!);
            }
            else if (avoidance.LostUnprepared is { } node)
            {
                await ExplainLossesAsync();
                await FailAsync($"{node} was lost {RetryRule.Losses} times in a row while it read the data and built the model. {wantOfMemory ?? "Has it too little memory?"}");
            }
            return null;
        }
        return await FindStartAsync(current, replies);
    }

    /// <summary>The workers' answers once all have given one; <see langword="null"/>: nobody waits for them any more.</summary>
    private async Task<IReadOnlyList<(SlotInfo Slot, PrepareReply? Answer, string? Reason)>?> AllReadyAsync(RoundPlan plan)
    {
        var asking = Indices(plan).Select(index => AskUntilAnsweredAsync(plan, index, worker => worker.PrepareAsync(plan, index))).ToList();
        return await AwaitAsync(Task.WhenAll(asking), () => $"{Silent(plan, asking)} to read the data and build the model") ? [.. asking.Select(one => one.Result)] : null;
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
        var furthest = positions.Max() ?? new(0);
        if (!book.Record.Differs && DisagreementRule.Find(replies, furthest) is { } odd)
        {
            await DisagreeAsync(current.Plan, furthest.Step, odd);
            return null;
        }
        if (book.Record.Differs)
        {
            // Every worker's state, even a wrong one, has gone into the sums of all.
            positions = [.. positions.Select(_ => (Position?)null)];
            furthest = new(0);
        }
        var checkpoint = 0L;
        if (furthest == new Position(0) && (current.Plan.Number > 1 || Status.Spec.Resume))
        {
            if (await FindCheckpointAsync(current.Plan) is not { } found)
            {
                return null;
            }
            checkpoint = found;
        }
        var start = RoundPlanner.Start(positions, checkpoint);
        book.Record.Furthest = Math.Max(book.Record.Furthest, start.Step);
        if (await IsGivenUpAsync())
        {
            return null;
        }
        if (replies.Count > 1 && replies.All(reply => reply.Meeting is not null))
        {
            start = start with { Meeting = ready.Meeting };
        }
        fruitless.BeginsAt(start.Step);
        Status = Status with { TotalSteps = ready.TotalSteps, StepsPerEpoch = ready.StepsPerEpoch, Unit = ready.Unit, Measure = ready.Measure, LowerIsBetter = ready.LowerIsBetter, Switches = ready.Switches, Step = start.Step };
        return start;
    }

    /// <summary>The step of the newest checkpoint to go on from, 0 if there is none; <see langword="null"/>: nobody knows, or the run has failed.</summary>
    private async Task<long?> FindCheckpointAsync(RoundPlan plan)
    {
        var finding = AskUntilAnsweredAsync(plan, 0, worker => worker.FindCheckpointAsync(RunId, plan.Number, new(book.Record.Differs, [.. book.Record.Unusable.Keys])));
        if (!await AwaitAsync(finding, () => $"{plan.Workers[0].Slot.Key} to search {Status.Spec.Output} for checkpoints"))
        {
            return null;
        }
        var (_, answer, reason) = await finding;
        if (answer is null)
        {
            await RecoverAsync($"The checkpoints in {Status.Spec.Output} cannot be searched: {reason}");
            await fruitless.BackOffAsync();
            return null;
        }
        foreach (var warning in answer.Warnings)
        {
            LogCheckpointSkipped(RunId, warning);
            book.Events.Add($"{warning} It was passed over.", Status);
        }
        if (Status.Spec.Resume && answer.Step is null)
        {
            await EndAsync(RunState.Failed, $"No usable checkpoint lies in {Status.Spec.Output}. {string.Join(' ', book.Record.Unusable.Values.Distinct())}".TrimEnd());
            return null;
        }
        return answer.Step ?? 0;
    }

    /// <summary>Goes on without a slot that could be reached and cannot train the run.</summary>
    private void DoWithout(SlotInfo slot, string reason)
    {
        LogUnfit(RunId, slot.Key, reason);
        book.Events.Add($"Goes on without {slot.Key}: {reason}", Status, EventKind.Lost);
        avoidance.DoWithout(slot, reason);
    }
}

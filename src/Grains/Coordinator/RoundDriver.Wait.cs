using Granary.Contracts;

namespace Granary.Grains.Coordinator;

/// <summary>What the coordinator asks of workers, and how long it waits: every few seconds it says what for, and a run that is to stop does not wait.</summary>
internal sealed partial class RoundDriver
{
    private static readonly TimeSpan AskAgain = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan RemindEvery = TimeSpan.FromSeconds(5), PatienceWhenStopping = TimeSpan.FromSeconds(10);
    private long reminded;

    /// <returns>Whether it came; not if the run is to stop and it does not come soon, or another coordinator takes over.</returns>
    private async Task<bool> AwaitAsync(Task awaited, Func<string> what)
    {
        var begun = reminded = time.GetTimestamp();
        while (await Task.WhenAny(awaited, WaitAsync(Attention)) != awaited && !awaited.IsCompleted)
        {
            if (book.IsLeft)
            {
                return false;
            }
            var waited = time.GetElapsedTime(begun);
            if (IsHurried || (IsLateToStop && waited > PatienceWhenStopping))
            {
                book.Events.Add($"Stops without waiting any longer for {what()}.", Status);
                fruitless.GiveUp();
                return false;
            }
            var reminder = $"Waits for {what()}, for {waited.TotalSeconds:0} s now.";
            if (Remind(reminder))
            {
                Status = Status with { Reason = reminder };
            }
        }
        return true;
    }

    /// <summary>Whether the run was told to stop, a while ago.</summary>
    private bool IsLateToStop => book.Record.StopReason is not null && time.GetUtcNow() - Status.Since > PatienceWhenStopping;

    /// <summary>Says what a round under way waits for, if that is not plain. The run's reason stays: it trains, and soon goes on.</summary>
    private void RemindOf(RoundInProgress current, Stall stall)
    {
        var waited = $"for {stall.Still.TotalSeconds:0} s";
        if (IsLateToStop && stall.Still > PatienceWhenStopping)
        {
            Remind($"Waits for the workers to end their step{(current.StopsWithCheckpoint ? " and leave a checkpoint" : "")}, {waited} now. To end without: granary cancel {RunId} --now, or Ctrl+C again for granary train.");
        }
        else if (stall.IsLong)
        {
            Remind(Status.Step == Status.TotalSteps ? $"Waits for the last checkpoint, {waited} now." : $"No step has ended {waited}.");
        }
    }

    /// <returns>Whether it was time to.</returns>
    private bool Remind(string text)
    {
        if (time.GetElapsedTime(reminded) <= RemindEvery)
        {
            return false;
        }
        reminded = time.GetTimestamp();
        book.Events.Remind(text, Status);
        return true;
    }

    /// <summary>Those who have not answered.</summary>
    private static string Silent<T>(RoundPlan plan, IEnumerable<Task<(SlotInfo Slot, T? Answer, string? Reason)>> asking) where T : class
    {
        var answered = asking.Where(one => one.IsCompleted).Select(one => one.Result.Slot);
        return string.Join(", ", SlotsOf(plan).Except(answered, SlotComparer.Instance).Select(slot => slot.Key));
    }

    /// <summary>A worker's answer; the default, and why, if the worker cannot be reached.</summary>
    private async Task<(SlotInfo Slot, T? Answer, string? Reason)> AskAsync<T>(RoundPlan plan, int index, Func<IWorkerGrain, Task<T>> ask)
    {
        var slot = plan.Workers[index].Slot;
        try
        {
            return (slot, await ask(grains.GetGrain<IWorkerGrain>(slot.Key)), null);
        }
        catch (Exception error)
        {
            return (slot, default, PlainReason.Of(error));
        }
    }

    /// <summary>
    /// The same for what is safe to repeat: a message may be lost with the connection that carried it, and nobody is told, so it
    /// is sent again and again while the round lasts.
    /// </summary>
    private async Task<(SlotInfo Slot, T? Answer, string? Reason)> AskUntilAnsweredAsync<T>(RoundPlan plan, int index, Func<IWorkerGrain, Task<T>> ask)
    {
        while (true)
        {
            var asking = AskAsync(plan, index, ask);
            if (await Task.WhenAny(asking, Task.Delay(AskAgain, time)) == asking)
            {
                return await asking;
            }
            if (book.IsLeft || round?.Plan != plan)
            {
                return (plan.Workers[index].Slot, default, "the round is over");
            }
        }
    }
}

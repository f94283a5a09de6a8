using Granary.Contracts;
using Granary.Training.Exchange;
using Granary.Training.Loop;

namespace Granary.Grains.Slots;

/// <summary>A slot's part in one round, from its preparation until the next one begins.</summary>
internal sealed class SlotRound(RoundPlan plan, int worker, WorkerReporter reporter, SlotThread thread, SlotReplica replica, Task<PrepareReply> prepared)
{
    private readonly CancellationTokenSource over = new();
    private IExchange? exchange;

    public RoundPlan Plan { get; } = plan;

    public int Worker { get; } = worker;

    public WorkerReporter Reporter { get; } = reporter;

    /// <summary>The thread that does the round's work.</summary>
    public SlotThread Thread { get; } = thread;

    /// <summary>The replica that it works with.</summary>
    public SlotReplica Replica { get; } = replica;

    public StopSignal Stop { get; } = new();

    /// <summary>The slot's one answer to the call to make itself ready, however often it comes.</summary>
    public Task<PrepareReply> Prepared { get; } = prepared;

    /// <summary>The same for the search for a checkpoint; <see langword="null"/>: none was asked for.</summary>
    public Task<CheckpointReply>? Found { get; set; }

    /// <summary>The same for the call to start; <see langword="null"/>: it has not come yet.</summary>
    public Task<StartReply>? Started { get; set; }

    /// <summary>Cancelled when the round is over for this slot.</summary>
    public CancellationToken Over => over.Token;

    /// <summary>Whether the worker has begun to train.</summary>
    public bool HasBegun => exchange is not null;

    /// <summary>Whether the worker has said its last word on it.</summary>
    public bool HasEnded => Reporter.End is not null;

    /// <summary>Refused once the round is over, or if it has begun already.</summary>
    public bool TryBegin(IExchange joined)
    {
        if (over.IsCancellationRequested || exchange is not null)
        {
            return false;
        }
        exchange = joined;
        return true;
    }

    public void End(string reason)
    {
        over.Cancel();
        exchange?.Abort(reason);
    }
}

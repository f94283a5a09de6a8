using Granary.Training.Exchange.Links;
using Granary.Training.Frames;

namespace Granary.Training.Exchange;

/// <summary>How the partial sums of a phase become the same sum on every worker of a round.</summary>
public interface IExchange : IDisposable
{
    /// <summary>Adds the partials of all workers along the canonical tree. Blocks until the sum is complete.</summary>
    /// <param name="partials">This worker's partials, of the same nodes each time for a phase. What their frames hold is lost.</param>
    /// <returns>
    /// The frame of the root, only to be read: other workers of the process may read the same memory. Valid until
    /// <see cref="Release"/>, which must follow; till then the frames of the partials are not to be written either.
    /// </returns>
    /// <exception cref="ExchangeAbortedException">A peer is gone or the round has ended. There is nothing to release.</exception>
    Frame Sum(IReadOnlyList<Partial> partials, long step, int phase);

    /// <summary>
    /// Says that this worker has read the sum. Blocks while others read it from this worker's frames, which it may write or
    /// free afterwards. Does not fail.
    /// </summary>
    void Release()
    {
    }

    /// <summary>
    /// Copies the state of one worker of the round into those that are behind it. Called by all workers before the first sum.
    /// </summary>
    /// <param name="mine">This worker's state: read if it is the source, overwritten if it is behind.</param>
    /// <param name="source">Number of the worker in the round.</param>
    /// <param name="behind">Numbers of workers.</param>
    /// <exception cref="ExchangeAbortedException">A peer is gone, the round has ended, or the copy differs from its original.</exception>
    void Share(Handoff mine, int source, IReadOnlyList<int> behind);

    /// <summary>Whether frames that lie on devices are added there: then they need not come to the host. Default: no.</summary>
    bool SumsOnDevices => false;

    /// <summary>Bytes sent to other processes so far on this worker's behalf.</summary>
    long BytesSent => 0;

    /// <summary>Has something done when the round ends early, on whatever thread ends it; at once, if it has.</summary>
    void WhenAborted(Action<string> act)
    {
    }

    /// <summary>Ends the round: every <see cref="Sum"/>, running or to come, fails with this reason. Callable from any thread.</summary>
    void Abort(string reason);
}

/// <summary>One worker alone, whatever its shards: a group of one.</summary>
public sealed class SoloExchange : IExchange
{
    private readonly Lock gate = new();
    private ProcessGroup? group;
    private string? aborted;

    /// <inheritdoc/>
    public Frame Sum(IReadOnlyList<Partial> partials, long step, int phase) => GroupOf(partials[^1].Node.End).Exchanges[0].Sum(partials, step, phase);

    /// <inheritdoc/>
    public void Release() => group?.Exchanges[0].Release();

    /// <inheritdoc/>
    public void Share(Handoff mine, int source, IReadOnlyList<int> behind)
    {
    }

    /// <inheritdoc/>
    public void Abort(string reason)
    {
        lock (gate)
        {
            aborted ??= reason;
            group?.Abort(reason);
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Abort("The round has ended.");
        group?.Dispose();
    }

    private ProcessGroup GroupOf(int shards)
    {
        lock (gate)
        {
            return aborted is { } reason ? throw new ExchangeAbortedException(reason) : group ??= new([new(0, shards)], shards);
        }
    }
}

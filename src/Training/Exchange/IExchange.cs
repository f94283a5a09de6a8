using Granary.Training.Frames;

namespace Granary.Training.Exchange;

/// <summary>How the partial sums of a phase become the same sum on every worker of a round.</summary>
public interface IExchange : IDisposable
{
    /// <summary>Adds the partials of all workers along the canonical tree. Blocks until the sum is complete.</summary>
    /// <param name="partials">This worker's; what their frames hold is lost.</param>
    /// <returns>
    /// The frame of the root. It is only to be read: the other workers of the process may read the same memory. Valid until
    /// this worker's next sum, and not after the exchange is disposed.
    /// </returns>
    /// <exception cref="ExchangeAbortedException">A peer is gone or the round has ended.</exception>
    Frame Sum(IReadOnlyList<Partial> partials, long step, int phase);

    /// <summary>
    /// Copies the state of one worker of the round into those that are behind it. Called by all workers before the first sum.
    /// </summary>
    /// <param name="mine">This worker's state: read if it is the source, overwritten if it is behind.</param>
    /// <param name="source">Number of the worker in the round.</param>
    /// <param name="behind">Numbers of workers.</param>
    /// <exception cref="ExchangeAbortedException">A peer is gone, the round has ended, or the copy differs from its original.</exception>
    void Share(SharedState mine, int source, IReadOnlyList<int> behind);

    /// <summary>Bytes sent to other processes so far on this worker's behalf.</summary>
    long BytesSent => 0;

    /// <summary>Ends the round: every <see cref="Sum"/>, running or to come, fails with this reason. Callable from any thread.</summary>
    void Abort(string reason);
}

/// <summary>The round is over before the step was. The replica still stands where it stood before the phase.</summary>
public sealed class ExchangeAbortedException(string message, Exception? inner = null) : Exception(message, inner);

/// <summary>One worker alone: its cover of all shards is the root.</summary>
public sealed class SoloExchange : IExchange
{
    private volatile string? aborted;

    public Frame Sum(IReadOnlyList<Partial> partials, long step, int phase) =>
        aborted is { } reason ? throw new ExchangeAbortedException(reason) : partials[0].Frame;

    public void Share(SharedState mine, int source, IReadOnlyList<int> behind)
    {
    }

    public void Abort(string reason) => aborted ??= reason;

    public void Dispose()
    {
    }
}

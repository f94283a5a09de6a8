using System.Diagnostics;
using System.Net.Sockets;
using Granary.Training.Exchange.Links;

namespace Granary.Training.Exchange;

/// <summary>Something that moves blocks over links.</summary>
internal interface ITransferWork
{
    /// <summary>Moves what can be moved now.</summary>
    /// <returns>Whether all is done.</returns>
    bool Advance();
}

/// <summary>
/// Drives the links on the calling thread until a piece of work is done: it spins a little, then sleeps in the kernel. Fails,
/// never hangs, when a peer closes or falls silent, or the round is aborted.
/// </summary>
internal sealed unsafe class PeerTransfer : IDisposable
{
    // Longer than it takes to wake a sleeping core up.
    private static readonly TimeSpan SpinTime = TimeSpan.FromMicroseconds(200);
    private static readonly TimeSpan Nap = TimeSpan.FromMilliseconds(20);
    private readonly PeerLink[] links;
    private readonly TimeSpan patience;
    private readonly bool crowded;
    private readonly Lock running = new();
    private volatile string? aborted;

    public PeerTransfer(PeerLink[] links, TimeSpan patience)
    {
        this.links = links;
        this.patience = patience;
        crowded = links.Count(link => link.IsLocal) >= Environment.ProcessorCount;
    }

    public event Action<string>? Failed;

    public long BytesSent
    {
        get
        {
            long sum = 0;
            foreach (var link in links)
            {
                sum += link.BytesSent;
            }
            return sum;
        }
    }

    /// <exception cref="ExchangeAbortedException"/>
    public void Run(ITransferWork work)
    {
        lock (running)
        {
            try
            {
                RunToEnd(work);
            }
            catch (Exception error) when (error is ExchangeAbortedException or SocketException or ObjectDisposedException)
            {
                var lost = error as ExchangeAbortedException ?? new ExchangeAbortedException(aborted ?? $"A peer is gone: {error.Message}", error);
                Abort(lost.Message);
                Failed?.Invoke(lost.Message);
                throw lost;
            }
        }
    }

    public void Abort(string reason) => aborted ??= reason;

    public void Dispose()
    {
        Abort("The round has ended.");
        // Not while a thread is still reading and writing there.
        lock (running)
        {
            foreach (var link in links)
            {
                link.Dispose();
            }
        }
    }

    private void RunToEnd(ITransferWork work)
    {
        var (moved, idleSince) = (Moved(), 0L);
        while (true)
        {
            ThrowIfAborted();
            if (work.Advance())
            {
                return;
            }
            if (Moved() is var now && now != moved)
            {
                (moved, idleSince) = (now, 0);
                continue;
            }
            idleSince = idleSince == 0 ? Stopwatch.GetTimestamp() : idleSince;
            var silence = Stopwatch.GetElapsedTime(idleSince);
            if (silence < SpinTime)
            {
                Pause();
            }
            else if (silence > patience)
            {
                throw new ExchangeAbortedException($"Processes {string.Join(", ", links.Where(link => link.AwaitsBlock || link.AwaitsRoom).Select(link => link.Process))} have been silent for {patience.TotalSeconds:0} s.");
            }
            else if (SleepUntilMore(work))
            {
                return;
            }
        }
    }

    private long Moved()
    {
        long sum = 0;
        foreach (var link in links)
        {
            sum += link.BytesMoved;
        }
        return sum;
    }

    /// <summary>With more processes than cores, the one waited for may need this core.</summary>
    private void Pause()
    {
        if (crowded)
        {
            Thread.Yield();
        }
        else
        {
            Thread.SpinWait(1);
        }
    }

    /// <returns>Whether all is done.</returns>
    private bool SleepUntilMore(ITransferWork work)
    {
        var before = Moved();
        SetAsleep(true);
        try
        {
            // Takes what came before the others knew that this thread sleeps.
            if (work.Advance())
            {
                return true;
            }
            if (Moved() == before)
            {
                WaitForSockets();
            }
        }
        finally
        {
            SetAsleep(false);
        }
        foreach (var link in links)
        {
            // A peer may have sent everything before it left: it is lost only if nothing that it sent is left to read.
            if ((link.AwaitsBlock || link.AwaitsRoom) && link.HasLeft())
            {
                before = Moved();
                if (work.Advance())
                {
                    return true;
                }
                if (Moved() == before)
                {
                    ThrowIfAborted();
                    throw new ExchangeAbortedException($"Process {link.Process} has left.");
                }
            }
        }
        return false;
    }

    private void SetAsleep(bool asleep)
    {
        foreach (var link in links)
        {
            link.Sleep(asleep);
        }
    }

    private void WaitForSockets()
    {
        if (!Libc.IsPresent)
        {
            WaitPortably();
            return;
        }
        Span<Libc.Interest> interests = stackalloc Libc.Interest[links.Length];
        for (var i = 0; i < links.Length; i++)
        {
            var (readable, writable) = links[i].WakesBy;
            interests[i] = new() { Socket = (int)links[i].Socket.Handle, Events = (short)((readable ? Libc.PollIn : 0) | (writable ? Libc.PollOut : 0)) };
        }
        fixed (Libc.Interest* first = interests)
        {
            _ = Libc.Poll(first, (nuint)interests.Length, (int)Nap.TotalMilliseconds);
        }
    }

    private void WaitPortably()
    {
        List<Socket> Wanted(Func<PeerLink, bool> wants) => [.. links.Where(wants).Select(link => link.Socket)];
        var readable = Wanted(link => link.WakesBy.Readable);
        var writable = Wanted(link => link.WakesBy.Writable);
        if (readable.Count + writable.Count > 0)
        {
            Socket.Select(readable, writable, null, Nap);
        }
        else
        {
            Thread.Sleep(Nap);
        }
    }

    private void ThrowIfAborted()
    {
        if (aborted is { } reason)
        {
            throw new ExchangeAbortedException(reason);
        }
    }
}

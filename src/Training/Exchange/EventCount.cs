using System.Diagnostics;

namespace Granary.Training.Exchange;

/// <summary>
/// A count that the threads of a process raise and wait for. A thread that waits looks again and again at first, leaving the
/// processor to anybody who wants it, and soon sleeps. Allocates nothing.
/// </summary>
/// <param name="threads">How many take part; if there are fewer processors, nobody spins.</param>
internal sealed class EventCount(int threads)
{
    // About what it takes to wake a sleeping thread.
    private static readonly long spinTime = Stopwatch.Frequency / 10_000;
    private readonly object gate = new();
    private long count;
    private long awaited = -1;
    private volatile bool closed;

    public void Raise()
    {
        // Either this sees what is awaited, or the sleeper, who announced it before looking, sees the new count.
        if (Interlocked.Increment(ref count) == Volatile.Read(ref awaited))
        {
            Wake();
        }
    }

    /// <summary>Waits until the count is as high. All who wait at a time must wait for the same.</summary>
    /// <returns>Whether it is; false if the count was closed before.</returns>
    public bool Await(long value)
    {
        if (threads <= Environment.ProcessorCount)
        {
            for (var begun = Stopwatch.GetTimestamp(); !IsOver(value) && Stopwatch.GetTimestamp() - begun < spinTime;)
            {
                Thread.SpinWait(10);
                Thread.Yield();
            }
        }
        if (!IsOver(value))
        {
            lock (gate)
            {
                // A thread that is late for one value must not forget that others sleep for the next.
                Interlocked.Exchange(ref awaited, Math.Max(awaited, value));
                while (!IsOver(value))
                {
                    Monitor.Wait(gate);
                }
            }
        }
        return Volatile.Read(ref count) >= value;
    }

    /// <summary>Ends all waiting, for good.</summary>
    public void Close()
    {
        closed = true;
        Wake();
    }

    private bool IsOver(long value) => Volatile.Read(ref count) >= value || closed;

    private void Wake()
    {
        lock (gate)
        {
            Monitor.PulseAll(gate);
        }
    }
}

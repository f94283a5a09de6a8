using Granary.Contracts;
using Granary.Training.Files;
using Granary.Training.Runs;

namespace Granary.Grains.Coordinator;

/// <summary>
/// Brings a run's events into its directory, on the side: no run waits for it or hears of it. What cannot be written yet, because nobody has taken
/// the directory for the run or the disk refuses, is tried again with the next event.
/// </summary>
internal sealed class JournalWriter
{
    private const int Most = 500;
    private readonly Queue<RunEvent> waiting = [];
    private bool writes;

    /// <summary>Whether it is about to write.</summary>
    internal bool IsAtWork
    {
        get
        {
            lock (waiting)
            {
                return writes;
            }
        }
    }

    public void Add(RunEvent entry)
    {
        lock (waiting)
        {
            waiting.Enqueue(entry);
            if (waiting.Count > Most)
            {
                waiting.Dequeue();
            }
            if (writes)
            {
                return;
            }
            writes = true;
        }
        _ = Task.Run(Write);
    }

    private void Write()
    {
        while (Next() is { Count: > 0 } next)
        {
            var spec = next[^1].Status.Spec;
            var isWritten = false;
            try
            {
                // A directory without the mark may be somebody else's, or must stay empty until the run takes it.
                if (RunFolder.IsOf(spec.Output, spec.RunId))
                {
                    RunJournal.Append(spec.Output, next.Select(entry => entry.ToJournal()));
                    isWritten = true;
                }
            }
            catch (Exception error) when (error.IsStorageFault())
            {
            }
            if (!Settle(next, isWritten))
            {
                return;
            }
        }
    }

    private List<RunEvent> Next()
    {
        lock (waiting)
        {
            writes = waiting.Count > 0;
            return [.. waiting];
        }
    }

    /// <returns>Whether to go on.</returns>
    private bool Settle(List<RunEvent> done, bool isWritten)
    {
        lock (waiting)
        {
            while (isWritten && waiting.TryPeek(out var first) && first.Id <= done[^1].Id)
            {
                waiting.Dequeue();
            }
            return writes = isWritten;
        }
    }
}

using System.Diagnostics;
using Granary.Training.Files;
using Granary.Training.Tasks;

namespace Granary.Training.Checkpoints;

/// <summary>
/// Copies and writes checkpoints in the background. A step computes gradients before it moves the state: the copy is made
/// meanwhile, and training waits for the rest of it, if any, never for the disk. While one checkpoint is written, one more may
/// wait; a newer one replaces it, unless the one that waits is the best so far. A failed write is reported and costs nothing else.
/// </summary>
/// <param name="keep">How many of the newest to keep; the best is kept besides.</param>
/// <param name="report">Hears of every checkpoint once, on the thread that writes or on the one that calls <c>Begin</c>.</param>
/// <param name="waited">Hears how long <see cref="WaitForCopy"/> waited for a checkpoint's copy.</param>
public sealed class CheckpointWriter(CheckpointStore store, int keep, Action<CheckpointOutcome> report, Action<TimeSpan> waited) : IDisposable
{
    private readonly Lock gate = new();
    private readonly Stack<StateSnapshot> free = [];
    private Task work = Task.Run(store.Sweep);
    private Pending? writing, waiting;
    private StateSnapshot? copying;
    private CheckpointManifest? best;
    private long? newest;

    /// <summary>Makes memory for the first checkpoint ready in the background.</summary>
    /// <exception cref="ArgumentException">The state has an asset with the name of a file that every checkpoint has.</exception>
    public void Prepare(ReplicaState state)
    {
        CheckpointAssets.DemandNames(state);
        var snapshot = new StateSnapshot();
        snapshot.Prepare(state);
        free.Push(snapshot);
    }

    /// <summary>Takes a checkpoint of an earlier session into account, so that it is not taken for surpassed if it is the best.</summary>
    public void Adopt(CheckpointManifest manifest)
    {
        lock (gate)
        {
            best = manifest.Beats(best) ? manifest : best;
        }
    }

    /// <summary>The best validated value so far: written, or on its way to the disk.</summary>
    public double? Best
    {
        get
        {
            lock (gate)
            {
                return Leader()?.Score;
            }
        }
    }

    /// <summary>The step of the checkpoint this writer wrote last.</summary>
    public long? Newest
    {
        get
        {
            lock (gate)
            {
                return newest;
            }
        }
    }

    /// <summary>Whether a value of the measure is better than that of every checkpoint so far.</summary>
    public bool IsBest(double score, Measure measure) => Best is not { } known || measure.IsBetter(score, known);

    /// <summary>
    /// Begins to copy the state, to be written as soon as the disk is free. The state must not change before <see cref="WaitForCopy"/>
    /// has returned.
    /// </summary>
    /// <param name="manifest">Complete but for the hashes.</param>
    public void Begin(ReplicaState state, CheckpointManifest manifest)
    {
        if (work.IsFaulted)
        {
            work.GetAwaiter().GetResult();
        }
        StateSnapshot? snapshot = null;
        CheckpointOutcome? passedOver = null;
        lock (gate)
        {
            if (waiting is { } other)
            {
                if (ReferenceEquals(other.Manifest, Leader()) && !manifest.Beats(other.Manifest))
                {
                    passedOver = new(manifest.Step) { PassedOverFor = other.Manifest.Step };
                }
                else
                {
                    passedOver = new(other.Manifest.Step) { PassedOverFor = manifest.Step };
                    (snapshot, waiting) = (other.Snapshot, null);
                }
            }
            else if (!free.TryPop(out snapshot))
            {
                snapshot = new();
            }
        }
        if (snapshot is not null)
        {
            snapshot.Begin(state);
            copying = snapshot;
            Enqueue(new(snapshot, manifest));
        }
        if (passedOver is not null)
        {
            report(passedOver);
        }
    }

    /// <summary>Waits until the state may change. Training never waits for anything else here.</summary>
    public void WaitForCopy()
    {
        if (copying is { } snapshot)
        {
            copying = null;
            var started = Stopwatch.GetTimestamp();
            snapshot.Copied.GetAwaiter().GetResult();
            waited(Stopwatch.GetElapsedTime(started));
        }
    }

    /// <summary>Deletes all checkpoints but the newest and the best: the disk is full.</summary>
    public void MakeRoom() => store.Prune(keep: 1, upTo: long.MaxValue);

    /// <summary>Waits until nothing is being written and nothing waits.</summary>
    public void Complete() => work.GetAwaiter().GetResult();

    /// <summary>Waits for the copy alone: what has begun is still written.</summary>
    public void Dispose()
    {
        try
        {
            WaitForCopy();
        }
        finally
        {
            work.ContinueWith(_ => free.ToList().ForEach(snapshot => snapshot.Dispose()), TaskScheduler.Default);
        }
    }

    private void Enqueue(Pending pending)
    {
        lock (gate)
        {
            if (writing is not null)
            {
                waiting = pending;
                return;
            }
            writing = pending;
            work = work.ContinueWith(_ => WriteAll(pending), TaskScheduler.Default);
        }
    }

    private void WriteAll(Pending? next)
    {
        while (next is not null)
        {
            var outcome = Write(next);
            lock (gate)
            {
                if (outcome.Written is { Manifest: var manifest })
                {
                    newest = manifest.Step;
                    best = manifest.Beats(best) ? manifest : best;
                }
                free.Push(next.Snapshot);
                (writing, waiting) = (waiting, null);
                next = writing;
            }
            report(outcome);
        }
    }

    private CheckpointOutcome Write(Pending pending)
    {
        var started = Stopwatch.GetTimestamp();
        var (snapshot, manifest) = pending;
        try
        {
            var written = store.Write(snapshot.State, manifest);
            store.Prune(keep, manifest.Step);
            return new(manifest.Step) { Written = written, Duration = Stopwatch.GetElapsedTime(started) };
        }
        catch (Exception error) when (error.IsStorageFault())
        {
            return new(manifest.Step) { Failure = error, Duration = Stopwatch.GetElapsedTime(started) };
        }
    }

    // The best checkpoint, provided that those on their way arrive.
    private CheckpointManifest? Leader()
    {
        var leader = best;
        foreach (var pending in new[] { writing, waiting })
        {
            leader = pending is not null && pending.Manifest.Beats(leader) ? pending.Manifest : leader;
        }
        return leader;
    }

    private sealed record Pending(StateSnapshot Snapshot, CheckpointManifest Manifest);
}

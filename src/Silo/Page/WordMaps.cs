using Granary.Training.Checkpoints;
using Granary.Training.Tasks;

namespace Granary.Silo.Page;

/// <summary>The maps of the newest checkpoints, made when somebody asks and kept for the few runs that were asked for last.</summary>
internal sealed class WordMaps(TaskCatalog tasks)
{
    private const int Most = 4;
    private readonly Lock reading = new();
    private readonly LinkedList<(string Directory, long Step, Lazy<WordMap> Map)> kept = [];

    /// <summary>Takes a while.</summary>
    /// <returns><see langword="null"/>: the model knows no words, or there is no checkpoint yet.</returns>
    public WordMap? Of(FoundRun run)
    {
        if (run.Spec is null || tasks.Tasks.FirstOrDefault(task => task.Name == run.Spec.Task)?.Uses.Contains(typeof(IWordVectors)) != true)
        {
            return null;
        }
        return new CheckpointStore(run.Directory).Steps() is [var newest, ..] ? MapOf(run, newest).Value : null;
    }

    private Lazy<WordMap> MapOf(FoundRun run, long step)
    {
        lock (kept)
        {
            var known = kept.FirstOrDefault(entry => entry.Directory == run.Directory);
            if (known.Map is not null)
            {
                kept.Remove(known);
            }
            if (known.Map is null || known.Step != step)
            {
                // Not the one before it is done: whoever asks meanwhile waits for it, and one that failed is not asked again.
                known = (run.Directory, step, new(() => Read(run, step), LazyThreadSafetyMode.ExecutionAndPublication));
            }
            kept.AddFirst(known);
            if (kept.Count > Most)
            {
                kept.RemoveLast();
            }
            return known.Map!;
        }
    }

    private WordMap Read(FoundRun run, long step)
    {
        var checkpoint = new CheckpointStore(run.Directory).Open(step);
        // One at a time, and none that the silo has no room for beside what it trains.
        using var one = reading.EnterScope();
        var (size, room) = (new FileInfo(checkpoint.ModelPath).Length, MemoryLimit.OfProcess - Environment.WorkingSet);
        if (size > room / 2)
        {
            throw new CheckpointException($"The model takes {size:N0} bytes, and this process has {room:N0} to spare: its words are not shown. granary nearest and granary export show them elsewhere.");
        }
        using var replica = tasks[run.Spec!.Task].OpenReplica(checkpoint.Manifest.Spec, checkpoint.ReadAsset) ?? throw new NotSupportedException($"Models of '{run.Spec.Task}' cannot be opened without their data.");
        CheckpointStore.LoadModel(checkpoint, replica);
        return new((IWordVectors)replica.Model);
    }
}

using Granary.Training.Checkpoints;
using Granary.Training.Tasks;

namespace Granary.Models;

/// <summary>Another run, whose model a model builds on.</summary>
internal static class TrainedRun
{
    /// <summary>Its best checkpoint.</summary>
    /// <param name="tasks">The tasks that it may be of.</param>
    /// <exception cref="TrainingDataException">There is no whole checkpoint, or it is of another task.</exception>
    public static Checkpoint Find(string path, params ReadOnlySpan<string> tasks)
    {
        var best = new CheckpointStore(path).Best() ?? throw new TrainingDataException($"'{path}' has no whole checkpoint. Is it the directory of a run (--out)?");
        return tasks.Contains(best.Manifest.Spec.Task) ? best : throw new TrainingDataException(
            $"'{path}' is a run of task '{best.Manifest.Spec.Task}'; one of {string.Join(" or ", tasks.ToArray())} is wanted here.");
    }

    /// <summary>Its model, which the caller disposes.</summary>
    /// <exception cref="CheckpointException">It is of no use to this version.</exception>
    public static ITrainingReplica Open(Checkpoint checkpoint, ITrainingTask task)
    {
        var replica = task.OpenReplica(checkpoint.Manifest.Spec, checkpoint.ReadAsset)!;
        try
        {
            CheckpointStore.LoadModel(checkpoint, replica);
            return replica;
        }
        catch
        {
            replica.Dispose();
            throw;
        }
    }
}

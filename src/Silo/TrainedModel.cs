using Granary.Models.Torch;
using Granary.Training.Checkpoints;
using Granary.Training.Tasks;

namespace Granary.Silo;

/// <summary>A model out of a run directory, ready for use in this process.</summary>
public sealed class TrainedModel : IDisposable
{
    private TrainedModel(Checkpoint checkpoint, ITrainingReplica replica) => (Checkpoint, Replica) = (checkpoint, replica);

    public Checkpoint Checkpoint { get; }

    public ITrainingReplica Replica { get; }

    /// <summary>The best checkpoint's model.</summary>
    /// <param name="data">Other data than those it was trained on.</param>
    /// <param name="skipped">Told of checkpoints that are damaged.</param>
    /// <exception cref="CheckpointException">No whole checkpoint is there.</exception>
    public static TrainedModel Open(string runDirectory, string? data, Action<CheckpointException> skipped)
    {
        var checkpoint = new CheckpointStore(runDirectory).Best(skipped)
            ?? throw new CheckpointException($"No whole checkpoint lies in {runDirectory}. Is it the directory of a run (--out)?");
        _ = TorchRuntime.Switches;
        var spec = checkpoint.Manifest.Spec;
        var replica = GranaryEnvironment.Tasks[spec.Task].CreateReplica(spec with { Data = data ?? spec.Data });
        try
        {
            CheckpointStore.LoadModel(checkpoint, replica);
            return new(checkpoint, replica);
        }
        catch
        {
            replica.Dispose();
            throw;
        }
    }

    public void Dispose() => Replica.Dispose();
}

using Granary.Models.Torch;
using Granary.Training.Checkpoints;
using Granary.Training.Tasks;

namespace Granary.Silo;

/// <summary>A model out of a run directory, ready for use in this process. Only <see cref="Evaluate"/> reads data.</summary>
public sealed class TrainedModel : IDisposable
{
    private readonly TrainingSpec spec;

    private TrainedModel(Checkpoint checkpoint, TrainingSpec spec)
    {
        (Checkpoint, this.spec) = (checkpoint, spec);
        Replica = GranaryEnvironment.Tasks[spec.Task].OpenReplica(spec, checkpoint.ReadAsset);
    }

    public Checkpoint Checkpoint { get; }

    public ITrainingReplica Replica { get; }

    /// <summary>The best checkpoint's model.</summary>
    /// <param name="data">Other data to be measured on than those it was trained on.</param>
    /// <param name="skipped">Told of checkpoints that are damaged.</param>
    /// <exception cref="CheckpointException">No whole checkpoint is there, or it is of no use to this version.</exception>
    public static TrainedModel Open(string runDirectory, string? data, Action<CheckpointException> skipped)
    {
        var checkpoint = new CheckpointStore(runDirectory).Best(skipped)
            ?? throw new CheckpointException($"No whole checkpoint lies in {runDirectory}. Is it the directory of a run (--out)?");
        _ = TorchRuntime.Switches;
        var model = new TrainedModel(checkpoint, checkpoint.Manifest.Spec with { Data = data ?? checkpoint.Manifest.Spec.Data });
        try
        {
            CheckpointStore.LoadModel(checkpoint, model.Replica);
            return model;
        }
        catch
        {
            model.Dispose();
            throw;
        }
    }

    /// <summary>The task's own measures on held-out data.</summary>
    /// <exception cref="TrainingDataException">The data are not there, or cannot be used.</exception>
    public Metrics Evaluate()
    {
        try
        {
            return Replica.Evaluate();
        }
        catch (TrainingDataException error) when (spec.Data is { } data && !Path.Exists(data))
        {
            throw new TrainingDataException($"The run's data are no longer at {data}. Say where they are now, or name others to be measured on: --data PATH", error);
        }
    }

    public void Dispose() => Replica.Dispose();
}

using Granary.Torch.Runtime;
using Granary.Training.Checkpoints;
using Granary.Training.Loop;
using Granary.Training.Runs;
using Granary.Training.Settling;
using Granary.Training.Tasks;

namespace Granary.Silo;

/// <summary>A model out of a run directory, ready for use in this process. If its task can build it without data, only <see cref="Evaluate"/> reads them.</summary>
public sealed class TrainedModel : IDisposable
{
    private readonly ITrainingTask task;
    private readonly bool measuresItsOwnData;
    private readonly RunSpec spec;

    private TrainedModel(Checkpoint checkpoint, string? data)
    {
        var spec = checkpoint.Manifest.Spec;
        (Checkpoint, measuresItsOwnData, task) = (checkpoint, data is null, GranaryEnvironment.Tasks[spec.Task]);
        this.spec = spec with { Data = data ?? spec.Data };
        Replica = Build();
    }

    public Checkpoint Checkpoint { get; }

    public ITrainingReplica Replica { get; }

    /// <summary>The best checkpoint's model, or that of one that is named.</summary>
    /// <param name="runDirectory">Or the directory of one of its checkpoints.</param>
    /// <param name="data">Other data to be measured on than those it was trained on.</param>
    /// <param name="skipped">Told of checkpoints that are damaged.</param>
    /// <exception cref="CheckpointException">No whole checkpoint is there, or it is of no use to this version.</exception>
    public static TrainedModel Open(string runDirectory, string? data, Action<CheckpointException> skipped)
    {
        var checkpoint = CheckpointStore.At(runDirectory) ?? new CheckpointStore(runDirectory).Best(skipped)
            ?? throw new CheckpointException($"No whole checkpoint lies in {runDirectory}. Is it the directory of a run (--out)?");
        _ = TorchRuntime.Switches;
        var model = new TrainedModel(checkpoint, data);
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

    /// <summary>The task's own measures on held-out data: the run's data, unchanged, unless others were given. The same on any number of workers.</summary>
    /// <param name="workers">Threads; if there are more than one, each builds the model for itself.</param>
    /// <exception cref="TrainingDataException">The data are not there, cannot be used, or are not the run's any more.</exception>
    public (Metrics Metrics, string? Findings) Evaluate(int workers)
    {
        Confirm(Checkpoint.Manifest.Spec);
        var shards = Checkpoint.Manifest.Spec.Shards;
        return workers == 1 ? (Evaluation.Run(Replica, shards), Replica.Findings) : LocalWorkers.Run(workers, shards, (_, mine, exchange) =>
        {
            using var replica = Build();
            CheckpointStore.LoadModel(Checkpoint, replica);
            return (Evaluation.Run(replica, mine, shards, exchange), replica.Findings);
        })[0];
    }

    public void Dispose() => Replica.Dispose();

    private ITrainingReplica Build() => task.OpenReplica(spec, Checkpoint.ReadAsset) ?? CreateFrom(spec);

    private ITrainingReplica CreateFrom(RunSpec spec)
    {
        Confirm(spec);
        return task.CreateReplica(spec);
    }

    private void Confirm(RunSpec spec)
    {
        if (!measuresItsOwnData || spec.Data is not { } path)
        {
            return;
        }
        if (!Path.Exists(path))
        {
            throw new TrainingDataException($"The run's data are no longer at {path}. Say where they are now, or name others to be measured on: --data PATH");
        }
        DataContent.Confirm(spec, task);
    }
}

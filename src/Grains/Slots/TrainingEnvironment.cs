using Granary.Contracts;
using Granary.Training.Tasks;

namespace Granary.Grains.Slots;

/// <summary>What a silo can train, and what else the bits of its results depend on.</summary>
public sealed record TrainingEnvironment(TaskCatalog Tasks, IReadOnlyDictionary<string, string> Switches)
{
    /// <summary>How many tensors of the process are alive. Default: none are known of.</summary>
    public Func<long> LiveTensors { get; init; } = () => 0;

    /// <summary>What this machine cannot do as fast as others, a sentence each; told in the log. Default: nothing.</summary>
    public IReadOnlyList<string> Remarks { get; init; } = [];

    /// <summary>What determines the weights of a run that is made here, its settings completed by the task's defaults.</summary>
    public TrainingSpec SpecOf(RunSpec run) => new()
    {
        Task = run.Task,
        Seed = run.Seed,
        Shards = run.Shards,
        Steps = run.Steps,
        Epochs = run.Epochs,
        Data = run.Data,
        Settings = TaskSettings.Complete(Tasks[run.Task], run.Settings),
        Switches = Switches,
    };
}

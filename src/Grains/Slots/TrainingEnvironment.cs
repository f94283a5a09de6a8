using Granary.Training.Tasks;

namespace Granary.Grains.Slots;

/// <summary>What a silo can train, and what else the bits of its results depend on.</summary>
public sealed record TrainingEnvironment(TaskCatalog Tasks, IReadOnlyDictionary<string, string> Switches)
{
    /// <summary>How many tensors of the process are alive. Default: none are known of.</summary>
    public Func<long> LiveTensors { get; init; } = () => 0;
}

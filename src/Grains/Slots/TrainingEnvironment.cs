using Granary.Training.Tasks;

namespace Granary.Grains.Slots;

/// <summary>What a silo can train, and what else the bits of its results depend on.</summary>
public sealed record TrainingEnvironment(TaskCatalog Tasks, IReadOnlyDictionary<string, string> Switches);

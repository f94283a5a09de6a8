using Granary.Grains.Slots;
using Granary.Models;
using Granary.Models.Torch;
using Granary.Training.Tasks;

namespace Granary.Silo;

/// <summary>What this program can train, on this machine.</summary>
public static class GranaryEnvironment
{
    /// <summary>The built-in tasks.</summary>
    public static TaskCatalog Tasks { get; } = TaskCatalog.Of(typeof(TwoLayerTask).Assembly);

    /// <summary>Sets libtorch up, too: to be asked for before the first tensor.</summary>
    public static TrainingEnvironment ForTraining() => new(Tasks, TorchRuntime.Switches) { LiveTensors = () => TorchRuntime.LiveTensors, Remarks = TorchRuntime.Remarks };
}

using System.Reflection;
using Granary.Grains.Nodes;
using Granary.Models;
using Granary.Torch;
using Granary.Training.Tasks;

namespace Granary.Silo;

/// <summary>What this program can train, on this machine.</summary>
public static class GranaryEnvironment
{
    /// <summary>The built-in tasks.</summary>
    public static TaskCatalog Tasks { get; } = TaskCatalog.Of(typeof(TwoLayer).Assembly);

    /// <summary>Sets libtorch up, too: to be asked for before the first tensor.</summary>
    public static TrainingEnvironment ForTraining() => new(Tasks, TorchRuntime.Switches)
    {
        LiveTensors = () => TorchRuntime.LiveTensors,
        Remarks = TorchRuntime.Remarks,
        Versions = Versions,
    };

    /// <summary>This program's, with the commit it was built from, as far as that is known.</summary>
    private static string Version => typeof(GranaryEnvironment).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()!.InformationalVersion;

    /// <summary>Of this program and of what it computes with.</summary>
    public static IReadOnlyDictionary<string, string> Versions { get; } = new Dictionary<string, string>
    {
        ["granary"] = Version,
        ["torchsharp"] = TorchRuntime.Version,
    };
}

using Granary.Training.Files;
using Granary.Training.Runs;
using Granary.Training.Settling;
using Granary.Training.Tasks;

namespace Granary.Grains.Nodes;

/// <summary>What a silo can train, and what else the bits of its results depend on.</summary>
public sealed record TrainingEnvironment(TaskCatalog Tasks, IReadOnlyDictionary<string, string> Switches)
{
    /// <summary>How many tensors of the process are alive. Default: none are known of.</summary>
    public Func<long> LiveTensors { get; init; } = () => 0;

    /// <summary>Bytes that the process may take. Default: its container's limit, or the machine's memory.</summary>
    public long MemoryLimit { get; init; } = Training.Tasks.MemoryLimit.OfProcess;

    /// <summary>What this machine cannot do as fast as others, a sentence each; told in the log. Default: nothing.</summary>
    public IReadOnlyList<string> Remarks { get; init; } = [];

    /// <summary>Where runs may read and write. Default: <see langword="null"/>, anywhere, as they are the machine's own user's.</summary>
    public PathRoots? Roots { get; init; }

    /// <summary>How much runs and clients may take. Default: that of the class.</summary>
    public LimitOptions Limits { get; init; } = new();

    /// <summary>Versions of the programs that a run's bits depend on, by name; silos of different versions do not train together. Default: none.</summary>
    public IReadOnlyDictionary<string, string> Versions { get; init; } = new Dictionary<string, string>();

    /// <summary>The GPUs that replicas can live on, by name, and what each is. Default: none.</summary>
    public IReadOnlyDictionary<string, string> Gpus { get; init; } = new Dictionary<string, string>();

    /// <summary>How this process's devices stand. Default: nobody tells.</summary>
    public Func<IEnumerable<DeviceReading>> ReadDevices { get; init; } = () => [];

    /// <summary>What the bits of a replica on a device depend on besides <see cref="Switches"/>. Default: the device's name.</summary>
    public Func<string, IReadOnlyDictionary<string, string>> DeviceSwitches { get; init; } = device => new Dictionary<string, string> { [DeviceName.Switch] = device };

    /// <summary>All that the bits of a run depend on that is trained on a device.</summary>
    public IReadOnlyDictionary<string, string> SwitchesOf(string device) => Switches.Concat(DeviceSwitches(device)).ToDictionary();

    /// <summary>The run as it is asked for, settled: for the gateway, before anybody hears of it.</summary>
    public RunSpec Settle(RunSpec run)
    {
        Limits.Check(run);
        return SpecSettlement.Settle(run, Tasks, Versions, Roots);
    }
}

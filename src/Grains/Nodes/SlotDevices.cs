using Granary.Training.Tasks;
using Granary.Training.Wording;

namespace Granary.Grains.Nodes;

/// <summary>On which device each slot of a node is. A pure function.</summary>
public static class SlotDevices
{
    /// <param name="gpus">Those of the machine, by name.</param>
    /// <exception cref="ArgumentException">A device is wanted that is not there.</exception>
    public static IReadOnlyList<string> Of(NodeOptions node, IReadOnlyCollection<string> gpus) =>
        [.. Named(node.Device, gpus, $"{NodeOptions.Section}:{nameof(NodeOptions.Device)}").SelectMany(device => Enumerable.Repeat(device, node.Slots))];

    /// <summary>The devices that are meant, by their own names.</summary>
    /// <param name="devices">See <see cref="NodeOptions.Device"/>.</param>
    /// <param name="setting">What they were given by, for the complaint.</param>
    /// <exception cref="ArgumentException">One is not there.</exception>
    public static IReadOnlyList<string> Named(string devices, IReadOnlyCollection<string> gpus, string setting) => [.. devices.Split(',').SelectMany(device => device.Trim() switch
    {
        DeviceName.Auto => gpus.Count > 0 ? gpus : [DeviceName.Cpu],
        DeviceName.Cuda when gpus.Count > 0 => gpus,
        DeviceName.Cpu or DeviceName.Staged => [device.Trim()],
        var gpu when gpus.Contains(gpu) => [gpu],
        var other => throw new ArgumentException($"{setting} cannot be '{Shown.Value(other)}': this machine has {(gpus.Count == 0 ? "no GPU that libtorch can use (granary doctor tells what is missing)" : string.Join(", ", gpus))}. Take auto, cpu, or one that is there."),
    })];
}

using System.Collections.Concurrent;
using System.Globalization;
using Granary.Grains.Nodes;
using Granary.Grains.Telemetry;
using Granary.Training.Tasks;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace Granary.Grains.Slots;

/// <summary>
/// The replicas of a silo, by slot. A singleton beside the grains: Orleans may deactivate a healthy worker grain when
/// another silo dies, and the next call must find the replica where it was.
/// </summary>
public sealed class SlotHost(
    TrainingEnvironment environment,
    RoundRendezvous rendezvous,
    IGrainFactory grains,
    TrainingInstruments instruments,
    TimeProvider time,
    IOptions<NodeOptions> node,
    ILoggerFactory loggers,
    IStepGate? stepGate = null) : IDisposable
{
    private readonly ConcurrentDictionary<string, SlotSession> sessions = new();
    private readonly SlotServices services = new(environment, rendezvous, grains, instruments, time, stepGate);

    /// <summary>The device of each slot.</summary>
    public IReadOnlyList<string> Devices { get; } = SlotDevices.Of(node.Value, [.. environment.Gpus.Keys]);

    internal SlotSession this[string key] => sessions.GetOrAdd(key, slot => new(slot, DeviceOf(slot), services, loggers.CreateLogger<SlotSession>()));

    /// <summary>Whether a run counts on any slot of this silo at this moment.</summary>
    internal bool IsInRound => sessions.Values.Any(session => session.IsInRound);

    public void Dispose()
    {
        foreach (var session in sessions.Values)
        {
            session.Dispose();
        }
    }

    // A slot that this silo does not have was another's of the same name.
    private string DeviceOf(string key) => Devices.ElementAtOrDefault(int.Parse(key.AsSpan(key.LastIndexOf('/') + 1), CultureInfo.InvariantCulture)) ?? DeviceName.Cpu;
}

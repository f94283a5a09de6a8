using Granary.Grains.Nodes;
using Granary.Grains.Telemetry;

namespace Granary.Grains.Slots;

/// <summary>What all slots of a silo use.</summary>
/// <param name="Gate">Usually there is none.</param>
internal sealed record SlotServices(
    TrainingEnvironment Environment, RoundRendezvous Rendezvous, IGrainFactory Grains, TrainingInstruments Instruments, TimeProvider Time, IStepGate? Gate);

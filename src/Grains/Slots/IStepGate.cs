using Granary.Training.Tasks;

namespace Granary.Grains.Slots;

/// <summary>
/// Every worker of the silo passes it at fixed points of every step, on the training thread, which waits as long as the gate
/// takes: for a program that holds training at a certain step and phase. Usually there is none.
/// </summary>
public interface IStepGate
{
    /// <summary>The worker has computed its shards of the phase and has not yet exchanged them.</summary>
    /// <param name="state">The replica's own.</param>
    void Computed(string runId, string slot, long step, int phase, ReplicaState state);

    /// <param name="step">Steps committed.</param>
    void Committed(string runId, string slot, long step);
}

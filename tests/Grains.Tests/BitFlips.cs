using System.Collections.Concurrent;
using Granary.Grains.Slots;
using Granary.Training.Tasks;

namespace Granary.Grains.Tests;

/// <summary>Memory that forgets: changes a weight of a worker when it comes to a step.</summary>
public sealed class BitFlips : IStepGate
{
    private readonly ConcurrentDictionary<(string RunId, int Worker, long Step), float> planned = [];
    private readonly ConcurrentDictionary<(string RunId, long Step), int> seen = [];

    /// <param name="worker">The so manieth that comes to the step.</param>
    /// <param name="factor">What the weight is multiplied with.</param>
    public void Plan(string runId, int worker, long step, float factor = 2) => planned[(runId, worker, step)] = factor;

    public void Computed(string runId, string slot, long step, int phase, ReplicaState state)
    {
        var worker = phase == 0 ? seen.AddOrUpdate((runId, step), 0, (_, before) => before + 1) : -1;
        if (planned.TryRemove((runId, worker, step), out var factor))
        {
            state.Tensors[0].Values[1] *= factor;
        }
    }

    public void Committed(string runId, string slot, long step)
    {
    }
}

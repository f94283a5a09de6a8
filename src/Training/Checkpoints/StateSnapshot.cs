using Granary.Training.Numerics;
using Granary.Training.Tasks;

namespace Granary.Training.Checkpoints;

/// <summary>A copy of a replica's state at a step boundary, in memory of its own, reused from checkpoint to checkpoint.</summary>
public sealed unsafe class StateSnapshot : IDisposable
{
    private readonly NativeFloats memory;

    /// <param name="state">Whose shape the snapshot takes.</param>
    public StateSnapshot(ReplicaState state)
    {
        memory = new(state.Tensors.Sum(tensor => tensor.Length));
        var tensors = new List<StateTensor>();
        var offset = 0;
        foreach (var tensor in state.Tensors)
        {
            tensors.Add(new(tensor.Name, tensor.Shape, tensor.Kind, memory.Pointer + offset));
            offset += tensor.Length;
        }
        State = new(tensors);
    }

    public ReplicaState State { get; }

    public void Take(ReplicaState state)
    {
        for (var i = 0; i < State.Tensors.Count; i++)
        {
            state.Tensors[i].Values.CopyTo(State.Tensors[i].Values);
        }
        State.Scalars.Clear();
        foreach (var (name, value) in state.Scalars)
        {
            State.Scalars.Add(name, value);
        }
    }

    public void Dispose() => memory.Dispose();
}

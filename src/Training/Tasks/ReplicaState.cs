namespace Granary.Training.Tasks;

/// <summary>What a state tensor is, hence which file of a checkpoint it goes to.</summary>
public enum StateKind
{
    /// <summary>Part of the model: what <c>state_dict</c> gives (parameters and buffers). Enters the weights' hash.</summary>
    Model,

    /// <summary>All else a twin needs: moments of the optimizer, the carried state of shards.</summary>
    Training,
}

/// <summary>A named tensor of 32-bit floats over memory of the replica that owns it; valid as long as the replica lives.</summary>
public sealed unsafe class StateTensor(string name, long[] shape, StateKind kind, float* data)
{
    public string Name { get; } = name;

    public long[] Shape { get; } = shape;

    public StateKind Kind { get; } = kind;

    public int Length { get; } = checked((int)shape.Aggregate(1L, (product, size) => product * size));

    public float* Pointer => data;

    public Span<float> Values => new(data, Length);
}

/// <summary>The whole state of a replica, by name: tensors, and scalars such as the learning rate in force.</summary>
public sealed class ReplicaState(IReadOnlyList<StateTensor> tensors)
{
    /// <summary>Tied weights appear under each of their names, as in <c>state_dict</c>.</summary>
    public IReadOnlyList<StateTensor> Tensors { get; } = tensors;

    public SortedDictionary<string, double> Scalars { get; } = new(StringComparer.Ordinal);
}

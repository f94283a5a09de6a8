using System.Collections.Frozen;

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
    /// <summary>As <c>state_dict</c> has it.</summary>
    public string Name { get; } = name;

    /// <summary>Lengths of its dimensions.</summary>
    public long[] Shape { get; } = shape;

    /// <summary>Part of the model, or of what training needs besides.</summary>
    public StateKind Kind { get; } = kind;

    /// <summary>How many floats it has.</summary>
    public long Length { get; } = shape.Aggregate(1L, (product, size) => checked(product * size));

    /// <summary>The first of them.</summary>
    public float* Pointer => data;

    /// <exception cref="OverflowException">They are more than a span can hold, 2^31 - 1.</exception>
    public Span<float> Values => Part(0, Length);

    /// <summary>Some consecutive values.</summary>
    public Span<float> Part(long start, long length) => new(data + start, checked((int)length));
}

/// <summary>The whole state of a replica, by name: tensors, scalars such as the learning rate in force, and assets.</summary>
public sealed class ReplicaState
{
    private readonly IReadOnlyList<StateTensor> tensors;
    private readonly Action? refresh;

    /// <param name="assets">See <see cref="Assets"/>. Default: none.</param>
    /// <param name="refresh">Brings the tensors up to date, where they are copies of what lies on a device. Called before every use of them.</param>
    /// <exception cref="ArgumentException">The name of an asset is no plain file name.</exception>
    public ReplicaState(IReadOnlyList<StateTensor> tensors, IReadOnlyDictionary<string, byte[]>? assets = null, Action? refresh = null)
    {
        (this.tensors, this.refresh) = (tensors, refresh);
        Assets = assets ?? FrozenDictionary<string, byte[]>.Empty;
        if (Assets.Keys.FirstOrDefault(name => name is "" or ['.', ..] || Path.GetFileName(name) != name) is { } name)
        {
            throw new ArgumentException($"An asset cannot be named '{name}': take a plain file name such as vocabulary.txt.");
        }
    }

    /// <summary>
    /// Tied weights appear under each of their names, as in <c>state_dict</c>. Of a replica on a device they are the host's copies, up to date
    /// when they are asked for: on the thread that owns the replica, or by another worker while that one waits for it.
    /// </summary>
    public IReadOnlyList<StateTensor> Tensors
    {
        get
        {
            refresh?.Invoke();
            return tensors;
        }
    }

    /// <summary>Numbers by name, such as counts of updates; part of what a twin needs.</summary>
    public SortedDictionary<string, double> Scalars { get; } = new(StringComparer.Ordinal);

    /// <summary>
    /// Files that belong to the model besides its tensors, such as its vocabulary, by plain file name: whoever has a checkpoint
    /// has them. They never change.
    /// </summary>
    public IReadOnlyDictionary<string, byte[]> Assets { get; }

    /// <summary>Bytes that the tensors take in a replica; tied ones share theirs.</summary>
    /// <param name="kind">Default: of both kinds.</param>
    public unsafe long MemoryBytes(StateKind? kind = null) => Tensors
        .Where(tensor => kind is null || tensor.Kind == kind)
        .DistinctBy(tensor => (nint)tensor.Pointer)
        .Sum(tensor => tensor.Length * sizeof(float));
}

using System.Runtime.InteropServices;
using Granary.Training.Numerics;

namespace Granary.Training.Frames;

/// <summary>
/// A sum over the samples of a shard, or of a subtree of shards, with the scalars that belong to it (the weight, the sum of
/// losses); never a mean. Layout of the dense part, in floats: the task's values (gradients, carried state), the task's
/// scalars, the count of shards, one control slot. The values lie in memory of the task's own choice, such as a libtorch tensor's;
/// if that is a device's, they and the scalars are copied here when somebody wants them.
/// </summary>
public sealed unsafe class Frame : IDisposable
{
    private const int ControlSlots = ShardLedger.Slots + 1;
    private readonly float* data;
    private readonly int scalars;
    private bool isComing;

    /// <param name="data">Memory for <see cref="Size"/> floats, 64-byte aligned, kept alive by <paramref name="owner"/>.</param>
    /// <param name="values">How many floats are the task's values.</param>
    /// <param name="scalars">How many scalars the task sums.</param>
    /// <param name="rows">The row-sparse part, if the task has one.</param>
    /// <param name="device">Where values and scalars are computed, if not here.</param>
    public Frame(float* data, long values, int scalars, SparseRows? rows = null, IDisposable? owner = null, IDeviceValues? device = null)
    {
        this.data = data;
        this.scalars = scalars;
        Owner = owner;
        Device = device;
        Size = SizeOf(values, scalars);
        Rows = rows;
    }

    /// <summary>A frame on memory of its own, for tasks whose gradients are no libtorch tensors.</summary>
    public static Frame Allocate(long values, int scalars, SparseRows? rows = null)
    {
        var memory = new NativeFloats(SizeOf(values, scalars));
        return new(memory.Pointer, values, scalars, rows, memory);
    }

    /// <summary>The same dense part with other rows; the frame owns nothing.</summary>
    internal Frame With(SparseRows? rows) => new(data, Size - scalars - ControlSlots, scalars, rows);

    /// <summary>Floats of memory that a frame takes.</summary>
    public static long SizeOf(long values, int scalars) => values + scalars + ControlSlots;

    /// <summary>Whose memory this is: disposed with the frame. Tells a task which of its buffers it is handed.</summary>
    public IDisposable? Owner { get; }

    /// <summary>Where values and scalars are computed; <see langword="null"/>: here.</summary>
    public IDeviceValues? Device { get; }

    /// <summary>Whether values and scalars are here: always, where no device computes them.</summary>
    public bool IsOnHost { get; private set; } = true;

    /// <summary>Length of the dense part.</summary>
    public long Size { get; }

    /// <summary>Where the dense part begins.</summary>
    public float* Pointer => data;

    /// <summary>The dense part: values, scalars, count of shards, control.</summary>
    /// <exception cref="OverflowException">It is longer than a span can be, 2^31 - 1 floats: see <see cref="Part"/>.</exception>
    public Span<float> Dense => Part(0, Size);

    /// <exception cref="OverflowException">See <see cref="Dense"/>.</exception>
    public Span<float> Values => Part(0, Size - scalars - ControlSlots);

    /// <summary>The task's scalars.</summary>
    public Span<float> Scalars => Part(Size - scalars - ControlSlots, scalars);

    /// <summary>Which shards the sum holds; see <see cref="ShardLedger"/>.</summary>
    public Span<float> Shards => Part(Size - ControlSlots, ShardLedger.Slots);

    /// <summary>The row-sparse part, if the task has one.</summary>
    public SparseRows? Rows { get; }

    /// <summary>
    /// Summed like all else, but outside the model: each worker may raise it, so that all learn of it at the same step
    /// boundary. Used to stop together.
    /// </summary>
    public ref float Control => ref data[Size - 1];

    /// <summary>Some consecutive floats of the dense part.</summary>
    public Span<float> Part(long start, long length) => new(data + start, checked((int)length));

    /// <summary>Back to zeros and no rows.</summary>
    public void Clear()
    {
        var here = Device is null ? 0 : Size - ControlSlots;
        NativeMemory.Clear(data + here, (nuint)(Size - here) * sizeof(float));
        Rows?.Clear();
        Device?.Clear();
        ChangedOnDevice();
    }

    /// <summary>To be called when values or scalars were changed on the device: what was copied here is old.</summary>
    public void ChangedOnDevice() => (IsOnHost, isComing) = (Device is null, false);

    /// <summary>Begins to copy values and scalars here; nobody adds to them from now on.</summary>
    public void BeginToHost()
    {
        if (!IsOnHost && !isComing)
        {
            isComing = true;
            Device!.BeginToHost();
        }
    }

    /// <summary>Sees to it that values and scalars are here.</summary>
    public void ToHost()
    {
        BeginToHost();
        if (!IsOnHost)
        {
            Device!.EndToHost();
            IsOnHost = true;
        }
    }

    /// <summary>Adds the right neighbour in the canonical tree: the dense part, where it was computed.</summary>
    public void Add(Frame right)
    {
        if (right.Size != Size)
        {
            throw new ArgumentException($"Frames differ in length ({Size} and {right.Size}). Do all workers run the same spec?");
        }
        var here = Device is null ? 0 : Size - ControlSlots;
        VectorMath.Add(data + here, right.data + here, data + here, Size - here);
        if (Device is not null)
        {
            Device.Add(right.Device!);
            ChangedOnDevice();
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Owner?.Dispose();
        Rows?.Dispose();
    }
}

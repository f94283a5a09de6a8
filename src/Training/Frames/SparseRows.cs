using Granary.Training.Numerics;

namespace Granary.Training.Frames;

/// <summary>
/// Rows of a large table that a shard touched: their numbers, ascending, and their gradient sums. Absent means zero. Rows
/// must be accumulated from +0, so that no value is -0 and adding an absent row changes no bit.
/// </summary>
public sealed unsafe class SparseRows(int width) : IDisposable
{
    private NativeFloats values = new(64 * width);
    private int[] numbers = new int[64];

    /// <summary>Floats a row.</summary>
    public int Width { get; } = width;

    /// <summary>How many rows there are.</summary>
    public int Count { get; private set; }

    /// <summary>Row numbers, ascending and distinct.</summary>
    public Span<int> Numbers => numbers.AsSpan(0, Count);

    /// <summary>The values of the row at <paramref name="position"/> in <see cref="Numbers"/>.</summary>
    public float* Row(int position) => values.Pointer + (long)position * Width;

    /// <summary>Their values, one row after the other.</summary>
    public Span<float> Values => new(values.Pointer, Count * Width);

    /// <summary>No rows from now on.</summary>
    public void Clear() => Count = 0;

    /// <summary>Takes these row numbers (ascending, distinct); the values are whatever the memory held.</summary>
    public void Reset(ReadOnlySpan<int> rowNumbers)
    {
        Resize(rowNumbers.Length);
        rowNumbers.CopyTo(numbers);
    }

    /// <summary>Makes room for so many rows, whose numbers and values are whatever the memory held.</summary>
    public void Resize(int rows)
    {
        if (rows > numbers.Length)
        {
            var capacity = Math.Max(rows, 2 * numbers.Length);
            values.Dispose();
            values = new(checked(capacity * Width));
            numbers = new int[capacity];
        }
        Count = rows;
    }

    /// <inheritdoc/>
    public void Dispose() => values.Dispose();
}

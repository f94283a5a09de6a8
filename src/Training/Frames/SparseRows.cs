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

    public int Count { get; private set; }

    /// <summary>Row numbers, ascending and distinct.</summary>
    public ReadOnlySpan<int> Numbers => numbers.AsSpan(0, Count);

    /// <summary>The values of the row at <paramref name="position"/> in <see cref="Numbers"/>.</summary>
    public float* Row(int position) => values.Pointer + (long)position * Width;

    public Span<float> Values => new(values.Pointer, Count * Width);

    public void Clear() => Count = 0;

    /// <summary>Takes these row numbers (ascending, distinct); the values are whatever the memory held.</summary>
    public void Reset(ReadOnlySpan<int> rowNumbers)
    {
        Reserve(rowNumbers.Length);
        rowNumbers.CopyTo(numbers);
        Count = rowNumbers.Length;
    }

    /// <summary>Adds other rows to these. Works backwards in place, as the union is never shorter than what was read.</summary>
    public void Add(SparseRows other)
    {
        var union = UnionCount(Numbers, other.Numbers);
        Reserve(union);
        int mine = Count - 1, theirs = other.Count - 1;
        for (var at = union - 1; at >= 0; at--)
        {
            var left = mine >= 0 ? numbers[mine] : -1;
            var right = theirs >= 0 ? other.numbers[theirs] : -1;
            numbers[at] = Math.Max(left, right);
            if (left == right)
            {
                VectorMath.Add(Row(mine--), other.Row(theirs--), Row(at), Width);
            }
            else if (left > right)
            {
                Copy(Row(mine--), Row(at));
            }
            else
            {
                Copy(other.Row(theirs--), Row(at));
            }
        }
        Count = union;
    }

    public void Dispose() => values.Dispose();

    private void Copy(float* from, float* to) => new ReadOnlySpan<float>(from, Width).CopyTo(new(to, Width));

    private void Reserve(int rows)
    {
        if (rows <= numbers.Length)
        {
            return;
        }
        var capacity = Math.Max(rows, 2 * numbers.Length);
        var larger = new NativeFloats(checked(capacity * Width));
        Values.CopyTo(larger.Span);
        values.Dispose();
        values = larger;
        Array.Resize(ref numbers, capacity);
    }

    private static int UnionCount(ReadOnlySpan<int> left, ReadOnlySpan<int> right)
    {
        int count = 0, i = 0, j = 0;
        while (i < left.Length && j < right.Length)
        {
            var difference = left[i] - right[j];
            i += difference <= 0 ? 1 : 0;
            j += difference >= 0 ? 1 : 0;
            count++;
        }
        return count + left.Length - i + right.Length - j;
    }
}

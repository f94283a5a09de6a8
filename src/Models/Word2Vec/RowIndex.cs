using Granary.Training.Frames;

namespace Granary.Models.Word2Vec;

/// <summary>Which rows of a table a shard draws, how often, and where each of them lies in its frame. Reused for every shard.</summary>
internal sealed class RowIndex(int rows)
{
    private readonly int[] counts = new int[rows];
    private readonly int[] numbers = new int[rows];
    private readonly int[] drawn = new int[rows];
    private readonly int[] positions = new int[rows];
    private int count;

    /// <summary>How often each row of the frame was counted.</summary>
    public ReadOnlySpan<int> Drawn => drawn.AsSpan(0, count);

    public void Count(ReadOnlySpan<int> drawn, int times = 1)
    {
        foreach (var row in drawn)
        {
            counts[row] += times;
        }
    }

    /// <summary>Gives the frame the numbers of all rows that were counted, and starts anew. The values are whatever its memory held.</summary>
    public void Lay(SparseRows frame)
    {
        count = 0;
        for (var row = 0; row < counts.Length; row++)
        {
            (numbers[count], drawn[count], positions[row]) = (row, counts[row], count);
            count += counts[row] > 0 ? 1 : 0;
        }
        Array.Clear(counts);
        frame.Reset(numbers.AsSpan(0, count));
    }

    /// <summary>Replaces the numbers of rows by their positions in the frame.</summary>
    public void Locate(Span<int> rows)
    {
        foreach (ref var row in rows)
        {
            row = positions[row];
        }
    }
}

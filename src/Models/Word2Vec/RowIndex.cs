using Granary.Training.Frames;

namespace Granary.Models.Word2Vec;

/// <summary>Which rows of a table a shard touches, how often, and where each of them lies in its frame. Reused for every shard.</summary>
internal sealed class RowIndex(int rows)
{
    private readonly int[] counts = new int[rows];
    private readonly int[] numbers = new int[rows];
    private readonly int[] positions = new int[rows];

    public void Mark(int row) => counts[row]++;

    /// <summary>How often the row was marked.</summary>
    public int Count(int row) => counts[row];

    public void Clear() => Array.Clear(counts);

    /// <summary>Gives the frame the numbers of all marked rows. The values are whatever its memory held.</summary>
    public void Lay(SparseRows frame)
    {
        var count = 0;
        for (var row = 0; row < counts.Length; row++)
        {
            numbers[count] = row;
            positions[row] = count;
            count += counts[row] > 0 ? 1 : 0;
        }
        frame.Reset(numbers.AsSpan(0, count));
    }

    /// <summary>Replaces the numbers of rows by their positions in the frame.</summary>
    public void Locate(Span<int> marked)
    {
        foreach (ref var row in marked)
        {
            row = positions[row];
        }
    }
}

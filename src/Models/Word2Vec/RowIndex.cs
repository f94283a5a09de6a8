using System.Numerics;
using Granary.Training.Frames;

namespace Granary.Models.Word2Vec;

/// <summary>Which rows of a table a shard touches, and where each of them lies in its frame. Reused for every shard.</summary>
internal sealed class RowIndex(int rows)
{
    private readonly ulong[] marks = new ulong[(rows + 63) / 64];
    private readonly int[] numbers = new int[rows];
    private readonly int[] positions = new int[rows];

    /// <summary>Position in the frame of a row marked before the last <see cref="Lay"/>.</summary>
    public int this[int row] => positions[row];

    public void Mark(int row) => marks[row >> 6] |= 1UL << row;

    /// <summary>Gives the frame all marked rows, filled with zeros, and forgets the marks. The bitmap sorts by itself.</summary>
    public void Lay(SparseRows frame)
    {
        var count = 0;
        for (var word = 0; word < marks.Length; word++)
        {
            for (var left = marks[word]; left != 0; left &= left - 1)
            {
                var row = (word << 6) + BitOperations.TrailingZeroCount(left);
                positions[row] = count;
                numbers[count++] = row;
            }
        }
        Array.Clear(marks);
        frame.Reset(numbers.AsSpan(0, count));
        frame.Values.Clear();
    }
}

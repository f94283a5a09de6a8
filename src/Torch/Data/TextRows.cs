// T time, B batch
using System.Runtime.InteropServices;
using Granary.Training.Shards;
using Granary.Training.Tasks;
using static TorchSharp.torch;

namespace Granary.Torch.Data;

/// <summary>
/// A text laid out in rows of equal length that are read side by side, a window of words at a time: window i + 1 goes on
/// where window i ended, in every row. The last window may be shorter.
/// </summary>
internal sealed class TextRows
{
    private readonly int[] text;
    private readonly int window;
    private readonly int length;

    /// <param name="purpose">What the text is for, to name it when it is too short.</param>
    /// <exception cref="TrainingDataException">A row has fewer than two words.</exception>
    public TextRows(int[] text, int rows, int window, string purpose)
    {
        this.text = text;
        this.window = window;
        length = text.Length / rows;
        Rows = rows;
        if (length < 2)
        {
            throw new TrainingDataException($"The {purpose} text has {text.Length} words; {rows} rows need {2 * rows} at least. Give a longer text or a smaller batch.");
        }
    }

    public int Rows { get; }

    public int Windows => (length - 1 + window - 1) / window;

    /// <summary>The words of some rows in a window, and the word that follows each.</summary>
    public (Tensor Words_TB, Tensor Next_TB) Window(int index, Slice rows)
    {
        var start = index * window;
        var time = Math.Min(window, length - 1 - start);
        return (Cut(start, time, rows), Cut(start + 1, time, rows));
    }

    private Tensor Cut(int start, int time, Slice rows)
    {
        var words_TB = empty(time, rows.Count, dtype: int64);
        var values = MemoryMarshal.Cast<byte, long>(words_TB.bytes);
        for (var row = 0; row < rows.Count; row++)
        {
            var source = text.AsSpan((rows.Start + row) * length + start, time);
            for (var t = 0; t < time; t++)
            {
                values[t * rows.Count + row] = source[t];
            }
        }
        return words_TB;
    }
}

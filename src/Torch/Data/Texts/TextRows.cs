// T time, B batch
using System.Runtime.InteropServices;
using Granary.Training.Shards;
using Granary.Training.Tasks;
using static TorchSharp.torch;

namespace Granary.Torch.Data.Texts;

/// <summary>Words of some rows of a text, and the word that follows each.</summary>
/// <param name="Begins">Whether the rows begin here, so that nothing is remembered from before.</param>
public sealed record TextWindow(Tensor Words_TB, Tensor Next_TB, bool Begins);

/// <summary>
/// A text laid out in rows of equal length that are read side by side, a window of words at a time: window i + 1 goes on
/// where window i ended, in every row, as truncated back-propagation through time wants it. The last window may be shorter.
/// </summary>
public sealed class TextRows : IBatches<TextWindow>
{
    private readonly int[] text;
    private readonly int rows, window, shards, length;

    /// <param name="rows">Over all shards.</param>
    /// <param name="window">Words of a row in a step.</param>
    /// <param name="purpose">What the text is for; the message says so when it is too short.</param>
    /// <exception cref="TrainingDataException">A row has fewer than two words.</exception>
    public TextRows(int[] text, int rows, int window, int shards, string purpose)
    {
        (this.text, this.rows, this.window, this.shards) = (text, rows, window, shards);
        length = text.Length / rows;
        if (length < 2)
        {
            throw new TrainingDataException($"The {purpose} text has {text.Length} words; {rows} rows need {2 * rows} at least. Give a longer text or a smaller batch.");
        }
    }

    /// <inheritdoc/>
    public long StepsPerEpoch => (length - 1 + window - 1) / window;

    // Making one only copies some kilobytes.
    /// <inheritdoc/>
    public bool MadeAhead => false;

    /// <inheritdoc/>
    public TextWindow? Of(long step, int shard)
    {
        var slice = Slice.Of(rows, shard, shards);
        if (slice.Count == 0)
        {
            return null;
        }
        var start = (int)(step % StepsPerEpoch) * window;
        var time = Math.Min(window, length - 1 - start);
        return new(Cut(start, time, slice), Cut(start + 1, time, slice), Begins: start == 0);
    }

    private Tensor Cut(int start, int time, Slice slice)
    {
        var (first, count) = ((int)slice.Start, (int)slice.Count);
        var words_TB = empty(time, count, dtype: int64);
        var values = MemoryMarshal.Cast<byte, long>(words_TB.bytes);
        for (var row = 0; row < count; row++)
        {
            var source = text.AsSpan((first + row) * length + start, time);
            for (var t = 0; t < time; t++)
            {
                values[t * count + row] = source[t];
            }
        }
        return words_TB;
    }
}

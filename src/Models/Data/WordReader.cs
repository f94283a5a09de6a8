using System.Text;
using Granary.Training.Tasks;

namespace Granary.Models.Data;

/// <summary>
/// Reads texts as numbers of words: what stands between blanks is a word, and the end of a line is one too. All texts read
/// by one reader share their numbers.
/// </summary>
internal sealed class WordReader
{
    private readonly WordTable table = new();
    private readonly int lineEnd;

    public WordReader() => lineEnd = table.Number(Encoding.UTF8.GetBytes(Vocabulary.LineEnd));

    /// <summary>The words by number.</summary>
    public string[] Words => table.ToStrings();

    /// <summary>The first <paramref name="limit"/> words of a text; no more is read than they take.</summary>
    /// <param name="length">Bytes of the whole text, modulo 2^32.</param>
    /// <exception cref="InvalidDataException">The text ends early.</exception>
    /// <exception cref="TrainingDataException">This is no text, or there is no word in it.</exception>
    public int[] Read(Stream text, uint length, string path, int limit = int.MaxValue)
    {
        var numbers = new int[Math.Min(limit, 1 << 16)];
        var count = 0;
        var buffer = new byte[1 << 18];
        var kept = 0;
        long total = 0;
        while (count < limit)
        {
            var read = text.ReadAtLeast(buffer.AsSpan(kept), buffer.Length - kept, throwOnEndOfStream: false);
            var block = buffer.AsSpan(0, kept + read);
            total += read;
            if (total == read && block.ContainsAnyInRange<byte>(0, 8))
            {
                throw new TrainingDataException($"'{path}' is no text: it holds bytes that no text has. Give a text, or a .zip or .gz file with one.");
            }
            // Each byte yields one word at most.
            var needed = (int)Math.Min(limit, (long)count + block.Length);
            if (numbers.Length < needed)
            {
                Array.Resize(ref numbers, (int)Math.Min(limit, Math.Max(needed, 2L * numbers.Length)));
            }
            var isLast = block.Length < buffer.Length;
            if (isLast && (uint)total != length)
            {
                throw new InvalidDataException("its text is not as long as it says");
            }
            var used = Split(block, numbers, ref count, isLast);
            if (isLast)
            {
                break;
            }
            block[used..].CopyTo(buffer);
            kept = block.Length - used;
            if (kept == buffer.Length)
            {
                Array.Resize(ref buffer, 2 * buffer.Length);
            }
        }
        Array.Resize(ref numbers, count);
        return count > 0 ? numbers : throw new TrainingDataException($"'{path}' holds no words. Give a text with words between blanks.");
    }

    /// <summary>Numbers the words of a block.</summary>
    /// <returns>Where the word begins that the block cuts off; the block's length if there is none.</returns>
    private int Split(ReadOnlySpan<byte> block, Span<int> numbers, ref int count, bool isLast)
    {
        var i = 0;
        while (i < block.Length && count < numbers.Length)
        {
            if (block[i] <= ' ')
            {
                if (block[i++] == '\n')
                {
                    numbers[count++] = lineEnd;
                }
                continue;
            }
            var start = i;
            var hash = WordTable.EmptyHash;
            for (; i < block.Length && block[i] > ' '; i++)
            {
                hash = WordTable.Extend(hash, block[i]);
            }
            if (i == block.Length && !isLast)
            {
                return start;
            }
            numbers[count++] = table.Number(block[start..i], hash);
        }
        return i;
    }
}

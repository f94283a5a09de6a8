using System.Buffers;
using System.Text;
using System.Text.Unicode;
using Granary.Training.Tasks;

namespace Granary.Torch.Data.Texts;

/// <summary>
/// Reads texts as numbers of words: what stands between blanks is a word, and the end of a line is one too. All texts read
/// by one reader share their numbers.
/// </summary>
internal sealed class WordReader
{
    /// <summary>Bytes that are read at once, hence the length of the longest word.</summary>
    private const int Block = 1 << 20;

    private readonly WordTable table = new();
    private readonly int lineEnd;

    public WordReader() => lineEnd = table.Number(Encoding.UTF8.GetBytes(Vocabulary.LineEnd));

    private static ReadOnlySpan<byte> Mark => [0xEF, 0xBB, 0xBF];

    /// <summary>The words by number.</summary>
    public string[] Words => table.ToStrings();

    /// <summary>The first <paramref name="limit"/> words of a text; no more is read than they take.</summary>
    /// <exception cref="TrainingDataException">This is no text, or there is no word in it.</exception>
    public int[] Read(Stream text, DataPart part, int limit = int.MaxValue)
    {
        var blocks = new List<int[]>();
        var (buffer, numbers) = (new byte[Block], new int[Block]);
        var (kept, count) = (0, 0);
        for (long position = 0; count < limit;)
        {
            var read = text.ReadAtLeast(buffer.AsSpan(kept), buffer.Length - kept, throwOnEndOfStream: false);
            var block = buffer.AsSpan(0, kept + read);
            if (position == 0 && block.ContainsAnyInRange<byte>(0, 8))
            {
                throw new TrainingDataException($"{part} is no text: it holds bytes that no text has. Give a text, or a .zip or .gz file with one.");
            }
            var isLast = block.Length < buffer.Length;
            var found = 0;
            var used = Split(block, numbers.AsSpan(0, Math.Min(numbers.Length, limit - count)), ref found, isLast, position, part);
            blocks.Add(numbers[..found]);
            count += found;
            if (count > Array.MaxLength - Block)
            {
                throw new TrainingDataException($"{part} has more than {count} words, too many for memory. Take the first of them by a setting of the task, or a shorter text.");
            }
            if (isLast)
            {
                break;
            }
            block[used..].CopyTo(buffer);
            kept = block.Length - used;
            position += used;
            if (kept == buffer.Length)
            {
                throw new TrainingDataException($"{part} has a word of more than {kept} bytes at byte {position}. Is it a text, with blanks between its words?");
            }
        }
        return count > 0 ? Joined(blocks, count) : throw new TrainingDataException($"{part} holds no words. Give a text with words between blanks.");
    }

    private static int[] Joined(List<int[]> blocks, int count)
    {
        var all = new int[count];
        var rest = all.AsSpan();
        foreach (var block in blocks)
        {
            block.CopyTo(rest);
            rest = rest[block.Length..];
        }
        return all;
    }

    /// <summary>Numbers the words of a block.</summary>
    /// <returns>Where the word that the block cuts off begins; the block's length if there is none.</returns>
    private int Split(ReadOnlySpan<byte> block, Span<int> numbers, ref int count, bool isLast, long position, DataPart part)
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
            // A byte-order mark begins a text, so a text that was joined from several has marks inside.
            if (block[i] == Mark[0] && block[i..].StartsWith(Mark))
            {
                i += Mark.Length;
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
            var known = table.Count;
            numbers[count++] = table.Number(block[start..i], hash);
            if (table.Count > known && !Utf8.IsValid(block[start..i]))
            {
                throw NotUtf8(block[start..i], position + start, part);
            }
        }
        return i;
    }

    // Different words would become one, as every byte that is not UTF-8 becomes the same character.
    private static TrainingDataException NotUtf8(ReadOnlySpan<byte> word, long position, DataPart part)
    {
        var valid = 0;
        while (Rune.DecodeFromUtf8(word[valid..], out _, out var length) == OperationStatus.Done)
        {
            valid += length;
        }
        return new($"{part} is not UTF-8: byte {position + valid} is 0x{word[valid]:X2}. Convert it, for instance with: iconv -f LATIN1 -t UTF-8");
    }
}

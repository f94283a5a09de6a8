using System.Text;
using Granary.Torch.Data.Texts;

namespace Granary.Models.Word2Vec;

/// <summary>
/// Words made of their n-grams (Bojanowski et al., 2017): pieces of <c>&lt;word&gt;</c> that are some characters long. They share a
/// number of buckets by their hashes, as in fastText. Only buckets that a word of the vocabulary falls into have a row: what
/// is in no word is never trained, so it is left out of unknown words too.
/// </summary>
internal sealed class Subwords
{
    private readonly int minGram, maxGram, buckets;
    private readonly Dictionary<uint, int> rowOfBucket = [];

    public Subwords(IReadOnlyList<string> words, int minGram, int maxGram, int buckets)
    {
        (this.minGram, this.maxGram, this.buckets) = (minGram, maxGram, buckets);
        var rows = new int[words.Count][];
        var grams = new List<uint>();
        for (var word = 0; word < words.Count; word++)
        {
            Split(words[word], grams);
            foreach (var bucket in grams)
            {
                rowOfBucket.TryAdd(bucket, words.Count + rowOfBucket.Count);
            }
            rows[word] = [word, .. grams.Select(bucket => rowOfBucket[bucket])];
        }
        Rows = new(rows);
        RowCount = words.Count + rowOfBucket.Count;
    }

    /// <summary>For each word of the vocabulary its own row, and those of its n-grams.</summary>
    public RowLists Rows { get; }

    /// <summary>How many rows the table has: one for each word, and one for each bucket in use.</summary>
    public int RowCount { get; }

    /// <summary>The rows of those of a word's n-grams that stand in words of the vocabulary.</summary>
    public int[] RowsOfUnknown(string word)
    {
        var grams = new List<uint>();
        Split(word, grams);
        return [.. grams.Where(rowOfBucket.ContainsKey).Select(bucket => rowOfBucket[bucket])];
    }

    /// <summary>FNV-1a with 32 bits; as in fastText, a byte counts with its sign.</summary>
    internal static uint Hash(ReadOnlySpan<byte> text)
    {
        var hash = 2166136261u;
        foreach (var letter in text)
        {
            hash = (hash ^ (uint)(sbyte)letter) * 16777619;
        }
        return hash;
    }

    /// <summary>The buckets of a word's n-grams. A bracket alone is none, and the end of a line has none.</summary>
    private void Split(string word, List<uint> grams)
    {
        grams.Clear();
        if (word == Vocabulary.LineEnd)
        {
            return;
        }
        var text = Encoding.UTF8.GetBytes($"<{word}>");
        for (var start = 0; start < text.Length; start++)
        {
            if (!BeginsCharacter(text[start]))
            {
                continue;
            }
            var end = start;
            for (var length = 1; length <= maxGram && end < text.Length; length++)
            {
                do
                {
                    end++;
                }
                while (end < text.Length && !BeginsCharacter(text[end]));
                if (length >= minGram && !(length == 1 && (start == 0 || end == text.Length)))
                {
                    grams.Add(Hash(text.AsSpan(start..end)) % (uint)buckets);
                }
            }
        }
    }

    private static bool BeginsCharacter(byte letter) => (letter & 0xC0) != 0x80;
}

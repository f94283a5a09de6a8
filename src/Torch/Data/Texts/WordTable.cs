using System.Security.Cryptography;
using System.Text;

namespace Granary.Torch.Data.Texts;

/// <summary>
/// Numbers distinct words in order of first appearance. A hash table over bytes: a string for every word of a text would
/// take more time than all else.
/// </summary>
internal sealed class WordTable
{
    private byte[] letters = new byte[1 << 16];
    private int[] ends = new int[1 << 12];
    private uint[] hashes = new uint[1 << 12];
    private int[] slots = new int[1 << 14];

    public int Count { get; private set; }

    /// <summary>
    /// The hash of an empty word; <see cref="Extend"/> adds a letter. Another one in every process, so that nobody can write a
    /// text whose words all share a hash.
    /// </summary>
    public static readonly uint EmptyHash = (uint)RandomNumberGenerator.GetInt32(int.MaxValue);

    /// <summary>FNV-1a.</summary>
    public static uint Extend(uint hash, byte letter) => (hash ^ letter) * 16777619;

    public int Number(ReadOnlySpan<byte> word)
    {
        var hash = EmptyHash;
        foreach (var letter in word)
        {
            hash = Extend(hash, letter);
        }
        return Number(word, hash);
    }

    /// <summary>The word's number, a new one if it was not known.</summary>
    public int Number(ReadOnlySpan<byte> word, uint hash)
    {
        var mask = slots.Length - 1;
        var slot = Spread(hash) & mask;
        for (; slots[slot] != 0; slot = (slot + 1) & mask)
        {
            var known = slots[slot] - 1;
            if (hashes[known] == hash && Letters(known).SequenceEqual(word))
            {
                return known;
            }
        }
        Append(word, hash);
        slots[slot] = Count;
        if (2 * Count > slots.Length)
        {
            Rehash();
        }
        return Count - 1;
    }

    public string[] ToStrings()
    {
        var words = new string[Count];
        for (var number = 0; number < Count; number++)
        {
            words[number] = Encoding.UTF8.GetString(Letters(number));
        }
        return words;
    }

    private ReadOnlySpan<byte> Letters(int number)
    {
        var start = number == 0 ? 0 : ends[number - 1];
        return letters.AsSpan(start, ends[number] - start);
    }

    private void Append(ReadOnlySpan<byte> word, uint hash)
    {
        var start = Count == 0 ? 0 : ends[Count - 1];
        if (Count == ends.Length)
        {
            Array.Resize(ref ends, 2 * Count);
            Array.Resize(ref hashes, 2 * Count);
        }
        if (word.Length > letters.Length - start)
        {
            var wanted = Math.Max(2L * letters.Length, (long)start + word.Length);
            Array.Resize(ref letters, wanted <= Array.MaxLength ? (int)wanted : throw new InvalidDataException("its different words are longer than 1 GiB together"));
        }
        word.CopyTo(letters.AsSpan(start));
        hashes[Count] = hash;
        ends[Count++] = start + word.Length;
    }

    private void Rehash()
    {
        slots = new int[2 * slots.Length];
        var mask = slots.Length - 1;
        for (var number = 0; number < Count; number++)
        {
            var slot = Spread(hashes[number]) & mask;
            while (slots[slot] != 0)
            {
                slot = (slot + 1) & mask;
            }
            slots[slot] = number + 1;
        }
    }

    // On their own, the low bits of FNV-1a depend on the low bits of the letters only.
    private static int Spread(uint hash) => (int)(hash ^ (hash >> 15));
}

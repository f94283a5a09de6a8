using System.Globalization;
using System.Text;
using Granary.Training.Checkpoints;
using Granary.Training.Tasks;

namespace Granary.Torch.Data.Texts;

/// <summary>The words a model knows: by descending frequency, equally frequent ones by first appearance.</summary>
public sealed class Vocabulary
{
    /// <summary>Stands for every word that is not known, as number 0 of a vocabulary that has it.</summary>
    public const string Unknown = "<unk>";

    /// <summary>Stands for the end of a line.</summary>
    public const string LineEnd = "<eos>";

    /// <summary>The asset of a model that knows words: UTF-8, a line for each word in order of the numbers: the word, a blank and its count.</summary>
    public const string FileName = "vocabulary.txt";

    private static readonly UTF8Encoding utf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);
    private readonly string[] words;
    private readonly long[] counts;
    private readonly Dictionary<string, int> numbers;

    private Vocabulary(string[] words, long[] counts)
    {
        this.words = words;
        this.counts = counts;
        numbers = words.Index().ToDictionary(entry => entry.Item, entry => entry.Index);
        HasUnknown = words is [Unknown, ..];
    }

    /// <summary>How many words there are, the unknown word included.</summary>
    public int Count => words.Length;

    /// <summary>Whether number 0 stands for all words that are not known.</summary>
    public bool HasUnknown { get; }

    /// <summary>The words by number.</summary>
    public IReadOnlyList<string> Words => words;

    /// <summary>How often each word occurs in the text; for <see cref="Unknown"/>, all unknown words together.</summary>
    public IReadOnlyList<long> Counts => counts;

    /// <param name="words">The text's words by number, in order of first appearance.</param>
    /// <param name="text">Numbers into <paramref name="words"/>.</param>
    /// <param name="maxSize">Most words in all; 0: any number.</param>
    /// <param name="minCount">Words that occur less often in the text are unknown.</param>
    /// <param name="unknown">Whether unknown words get a number of their own, 0.</param>
    public static Vocabulary Of(IReadOnlyList<string> words, ReadOnlySpan<int> text, int maxSize = 0, int minCount = 1, bool unknown = true)
    {
        var counts = new long[words.Count];
        foreach (var number in text)
        {
            counts[number]++;
        }
        var places = (maxSize > 0 ? maxSize : int.MaxValue) - (unknown ? 1 : 0);
        var known = Enumerable.Range(0, words.Count)
            .Where(number => counts[number] >= Math.Max(1, minCount) && !(unknown && words[number] == Unknown))
            .OrderByDescending(number => counts[number]) // a stable sort
            .Take(places)
            .ToArray();
        var knownWords = known.Select(number => words[number]);
        var knownCounts = known.Select(number => counts[number]).ToArray();
        return unknown
            ? new([Unknown, .. knownWords], [text.Length - knownCounts.Sum(), .. knownCounts])
            : new([.. knownWords], knownCounts);
    }

    /// <summary>The vocabulary that a model was trained with.</summary>
    /// <param name="unknown">Whether unknown words must have a number of their own.</param>
    /// <param name="fileName">The name of the asset.</param>
    /// <exception cref="CheckpointException">Its file is missing, or damaged; the message names the line.</exception>
    public static Vocabulary FromAssets(Func<string, byte[]> asset, bool unknown = false, string fileName = FileName)
    {
        string text;
        try
        {
            text = utf8.GetString(asset(fileName));
        }
        catch (DecoderFallbackException error)
        {
            throw Damaged("it is no UTF-8 text", error);
        }
        var lines = text.Split('\n');
        if (lines[^1].Length > 0)
        {
            throw Damaged("it ends within a line");
        }
        var (words, counts) = (new string[lines.Length - 1], new long[lines.Length - 1]);
        var known = new HashSet<string>();
        for (var number = 0; number < words.Length; number++)
        {
            var blank = lines[number].LastIndexOf(' ');
            words[number] = blank < 0 ? "" : lines[number][..blank];
            if (words[number] == "" || words[number].AsSpan().ContainsAnyInRange('\0', ' ') || !known.Add(words[number])
                || !int.TryParse(lines[number].AsSpan(blank + 1), NumberStyles.None, CultureInfo.InvariantCulture, out var count))
            {
                throw Damaged($"line {number + 1} is no new word with its count");
            }
            counts[number] = count;
        }
        if (unknown && words is not [Unknown, ..])
        {
            throw Damaged($"line 1 is not {Unknown}");
        }
        return words.Length >= 2 ? new(words, counts) : throw Damaged("it has fewer than two words");

        CheckpointException Damaged(string how, Exception? inner = null) =>
            new($"The checkpoint's {fileName} is damaged: {how}. Use another checkpoint, or train anew.", inner);
    }

    /// <summary>What a model that knows these words keeps of them, see <see cref="ReplicaState.Assets"/>.</summary>
    /// <param name="fileName">The name of the asset.</param>
    public IReadOnlyDictionary<string, byte[]> ToAssets(string fileName = FileName)
    {
        var lines = words.Zip(counts, (word, count) => string.Create(CultureInfo.InvariantCulture, $"{word} {count}\n"));
        return new Dictionary<string, byte[]> { [fileName] = utf8.GetBytes(string.Concat(lines)) };
    }

    /// <summary>The word's number; for a word that is not known, that of the unknown word, or -1 if there is none.</summary>
    public int Find(string word) => numbers.TryGetValue(word, out var number) ? number : HasUnknown ? 0 : -1;

    /// <summary>A text as numbers of this vocabulary; words that have none are left out.</summary>
    /// <param name="words">The text's words by number.</param>
    /// <param name="text">Numbers into <paramref name="words"/>.</param>
    public int[] Encode(IReadOnlyList<string> words, ReadOnlySpan<int> text)
    {
        var map = words.Select(Find).ToArray();
        var encoded = new int[text.Length];
        var count = 0;
        foreach (var number in text)
        {
            encoded[count] = map[number];
            count += map[number] >= 0 ? 1 : 0;
        }
        Array.Resize(ref encoded, count);
        return encoded;
    }
}

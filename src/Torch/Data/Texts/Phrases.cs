using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using Granary.Training.Checkpoints;

namespace Granary.Torch.Data.Texts;

/// <summary>
/// Pairs of words that mean something together, such as <c>new york</c>, and become one word, <c>new_york</c> (Mikolov et al., 2013). They are
/// found in passes over a text: a pair of the second pass may be made of those that the first one joined.
/// </summary>
/// <remarks>
/// A pair is joined if it stands in the text so many times as often as it would by chance:
/// (count(ab) - discount) * (words of the text) / (count(a) * count(b)) is above the threshold. The factor is that of the authors' program;
/// gensim's default has the size of its dictionary in that place, so that its threshold means another thing for each text.
/// </remarks>
public sealed class Phrases
{
    /// <summary>The asset of a model that joins words: UTF-8, a line for each pair: the number of the pass, from 1, and the two words.</summary>
    public const string FileName = "phrases.txt";

    private readonly IReadOnlyList<IReadOnlyList<(string First, string Second)>> passes;

    private Phrases(IReadOnlyList<IReadOnlyList<(string, string)>> passes) => this.passes = passes;

    /// <summary>How many pairs are joined, in all passes.</summary>
    public int Count => passes.Sum(pass => pass.Count);

    /// <summary>Finds the pairs of a text.</summary>
    /// <param name="words">The text's words by number.</param>
    /// <param name="text">Numbers into <paramref name="words"/>.</param>
    public static Phrases Find(IReadOnlyList<string> words, int[] text, CorpusOptions options)
    {
        var passes = new List<IReadOnlyList<(string, string)>>();
        for (var pass = 0; pass < options.PhrasePasses; pass++)
        {
            passes.Add(PairsOf(words, text, options));
            var joint = new Joint(words, passes[^1]);
            (words, text) = (joint.Words, joint.Join(text));
        }
        return new(passes);
    }

    /// <summary>The pairs that a model was trained with.</summary>
    /// <exception cref="CheckpointException">Their file is missing, or damaged; the message names the line.</exception>
    public static Phrases FromAssets(Func<string, byte[]> asset)
    {
        var passes = new List<List<(string, string)>>();
        var lines = Encoding.UTF8.GetString(asset(FileName)).Split('\n');
        for (var number = 1; number < lines.Length; number++)
        {
            var fields = lines[number - 1].Split(' ');
            if (fields is not [var text, { Length: > 0 } first, { Length: > 0 } second]
                || !int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var pass) || pass < 1 || pass > passes.Count + 1 || pass < passes.Count)
            {
                throw new CheckpointException($"The checkpoint's {FileName} is damaged: line {number} is not the number of a pass with two words. Use another checkpoint, or train anew.");
            }
            if (pass > passes.Count)
            {
                passes.Add([]);
            }
            passes[^1].Add((first, second));
        }
        return lines[^1].Length == 0 ? new(passes) : throw new CheckpointException($"The checkpoint's {FileName} is damaged: it ends within a line. Use another checkpoint, or train anew.");
    }

    /// <summary>What a model that joins these words keeps of them.</summary>
    public byte[] ToAsset() => Encoding.UTF8.GetBytes(string.Concat(
        passes.Index().SelectMany(pass => pass.Item.Select(pair => string.Create(CultureInfo.InvariantCulture, $"{pass.Index + 1} {pair.First} {pair.Second}\n")))));

    /// <summary>Joins the words of some texts.</summary>
    /// <param name="words">The texts' words by number.</param>
    /// <returns>The texts, and their words by number: the given ones and what they were joined to.</returns>
    public (IReadOnlyList<string> Words, int[][] Texts) Join(IReadOnlyList<string> words, params int[][] texts)
    {
        foreach (var pass in passes)
        {
            var joint = new Joint(words, pass);
            (words, texts) = (joint.Words, [.. texts.Select(text => joint.Join(text))]);
        }
        return (words, texts);
    }

    private static List<(string, string)> PairsOf(IReadOnlyList<string> words, int[] text, CorpusOptions options)
    {
        var counts = new long[words.Count];
        foreach (var word in text)
        {
            counts[word]++;
        }
        // A pair stands in the text at most as often as each of its words; no pair goes over the end of a line.
        var mayJoin = counts.Select((count, word) => count > options.PhraseDiscount && words[word] != Vocabulary.LineEnd).ToArray();
        var pairs = new Dictionary<ulong, int>();
        for (var i = 1; i < text.Length; i++)
        {
            if (mayJoin[text[i - 1]] && mayJoin[text[i]])
            {
                CollectionsMarshal.GetValueRefOrAddDefault(pairs, (ulong)text[i - 1] << 32 | (uint)text[i], out _)++;
            }
        }
        var lines = words.Index().Where(entry => entry.Item == Vocabulary.LineEnd).Sum(entry => counts[entry.Index]);
        double factor = text.Length - lines;
        return [.. from pair in pairs
                   let first = (int)(pair.Key >> 32)
                   let second = (int)(uint)pair.Key
                   where (pair.Value - options.PhraseDiscount) * factor > options.PhraseThreshold * counts[first] * counts[second]
                   orderby pair.Key
                   select (words[first], words[second])];
    }

    /// <summary>One pass: from left to right, a word that has been joined is not joined to the next one.</summary>
    private sealed class Joint
    {
        private readonly List<string> words;
        private readonly Dictionary<ulong, int> numbers = [];

        public Joint(IReadOnlyList<string> given, IReadOnlyList<(string First, string Second)> pairs)
        {
            words = [.. given];
            var known = words.Index().ToDictionary(entry => entry.Item, entry => entry.Index);
            foreach (var (first, second) in pairs)
            {
                var joined = $"{first}_{second}";
                if (!known.TryGetValue(first, out var a) || !known.TryGetValue(second, out var b))
                {
                    continue; // in another text than the one they were found in
                }
                if (known.TryAdd(joined, words.Count))
                {
                    words.Add(joined);
                }
                numbers[(ulong)a << 32 | (uint)b] = known[joined];
            }
        }

        public IReadOnlyList<string> Words => words;

        public int[] Join(int[] text)
        {
            var joined = new int[text.Length];
            var count = 0;
            for (var i = 0; i < text.Length; i++)
            {
                var isFirst = i + 1 < text.Length && numbers.TryGetValue((ulong)text[i] << 32 | (uint)text[i + 1], out joined[count]);
                if (isFirst)
                {
                    i++;
                }
                else
                {
                    joined[count] = text[i];
                }
                count++;
            }
            return joined[..count];
        }
    }
}

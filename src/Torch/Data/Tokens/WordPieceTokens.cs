using System.Globalization;
using System.Text;
using Granary.Training.Tasks;

namespace Granary.Torch.Data.Tokens;

/// <summary>
/// Word pieces as BERT has them (Devlin et al., 2018): words and signs are cut into the longest pieces that are known, from the left;
/// those inside a word are written <c>##piece</c>. White space is not kept, nor are capitals and accents unless told so.
/// </summary>
internal sealed class WordPieceTokens : Tokenizer
{
    /// <summary>Stands for a piece that is hidden.</summary>
    public const string Mask = "[MASK]";

    /// <summary>Before a piece that goes on within a word.</summary>
    public const string Inside = "##";

    private const string FileName = "vocab.txt", UnknownPiece = "[UNK]";
    private const int LongestWord = 100, LongestPiece = 1000;
    private static readonly string[] special = ["[PAD]", UnknownPiece, "[CLS]", "[SEP]", Mask];
    private readonly string[] pieces;
    private readonly Dictionary<string, int> numbers;
    private readonly bool cased;
    private readonly int unknown;

    private WordPieceTokens(IReadOnlyList<string> pieces, bool cased)
    {
        (this.pieces, this.cased) = ([.. pieces], cased);
        numbers = pieces.Index().ToDictionary(entry => entry.Item, entry => entry.Index);
        (unknown, MaskNumber) = (numbers[UnknownPiece], numbers[Mask]);
    }

    public override int Count => pieces.Length;

    public override int? Unknown => unknown;

    public override int Start => unknown;

    public int MaskNumber { get; }

    public override IReadOnlyDictionary<string, byte[]> Assets => new Dictionary<string, byte[]> { [FileName] = Encoding.UTF8.GetBytes(string.Concat(pieces.Select(piece => piece + "\n"))) };

    /// <summary>Whether a piece is one of text, and not [MASK] and its kin.</summary>
    public bool IsText(int piece) => !special.Contains(pieces[piece]);

    /// <param name="most">Most pieces.</param>
    /// <exception cref="TrainingDataException">Not even the single characters find room.</exception>
    public static WordPieceTokens Learn(string text, int most, bool cased)
    {
        var words = WordsOf(text, cased).CountBy(word => word).Where(word => word.Key.Length <= LongestWord).ToList();
        var cut = words.Select(word => (Pieces: word.Key.EnumerateRunes().Select((character, place) => place > 0 ? $"{Inside}{character}" : $"{character}").ToList(), word.Value)).ToList();
        List<string> learned = [.. special, .. cut.SelectMany(word => word.Pieces).Distinct().Order(StringComparer.Ordinal)];
        if (learned.Count > most)
        {
            throw new TrainingDataException($"The training text has characters for {learned.Count} pieces, more than the vocabulary's {most}. Raise --set vocabulary.");
        }
        var numbers = learned.Index().ToDictionary(entry => entry.Item, entry => entry.Index);
        var symbols = cut.Select(word => (word.Pieces.Select(piece => numbers[piece]).ToArray(), (long)word.Value)).ToList();
        foreach (var (left, right) in PairMerges.Learn(symbols, learned.Count, most - learned.Count))
        {
            learned.Add(learned[left] + learned[right][Inside.Length..]);
        }
        return new([.. learned.Distinct()], cased);
    }

    public static WordPieceTokens FromAssets(Func<string, byte[]> asset, bool cased) =>
        Read(TextOf(asset, FileName).TrimEnd('\n').Split('\n'), cased, how => Damaged(FileName, how));

    /// <param name="path">A file with a piece a line, like BERT's <c>vocab.txt</c>.</param>
    /// <exception cref="TrainingDataException">It cannot be read, or is no such file.</exception>
    public static WordPieceTokens FromFile(string path, bool cased) =>
        Read(TextLines.Read(path, LongestPiece).Select(line => line.Line), cased, how => new TrainingDataException($"'{path}' is no vocabulary of word pieces: {how}. Give a text with one piece a line, such as BERT's vocab.txt."));

    public override int[] Encode(string text)
    {
        var encoded = new List<int>();
        var known = new Dictionary<string, int[]>();
        foreach (var word in WordsOf(text, cased))
        {
            if (!known.TryGetValue(word, out var cut))
            {
                known[word] = cut = Cut(word);
            }
            encoded.AddRange(cut);
        }
        return [.. encoded];
    }

    public override string Decode(IReadOnlyList<int> tokens) => string.Join(' ', tokens.Select(token => pieces[token])).Replace($" {Inside}", "");

    /// <summary>Cuts off the longest piece that is known, again and again.</summary>
    private int[] Cut(string word)
    {
        var cut = new List<int>();
        for (var start = 0; start < word.Length;)
        {
            var end = word.Length;
            var number = unknown;
            while (end > start && !numbers.TryGetValue((start > 0 ? Inside : "") + word[start..end], out number))
            {
                end--;
            }
            if (end == start || word.Length > LongestWord)
            {
                return [unknown];
            }
            cut.Add(number);
            start = end;
        }
        return [.. cut];
    }

    private static IEnumerable<string> WordsOf(string text, bool cased)
    {
        var word = new StringBuilder();
        foreach (var character in cased ? text : WithoutAccents(text.ToLowerInvariant()))
        {
            var stands = IsSign(character);
            if ((stands || char.IsWhiteSpace(character)) && word.Length > 0)
            {
                yield return word.ToString();
                word.Clear();
            }
            if (stands)
            {
                yield return character.ToString();
            }
            else if (!char.IsWhiteSpace(character) && !char.IsControl(character))
            {
                word.Append(character);
            }
        }
        if (word.Length > 0)
        {
            yield return word.ToString();
        }
    }

    private static string WithoutAccents(string text) => Ascii.IsValid(text) ? text :
        string.Concat(text.Normalize(NormalizationForm.FormD).Where(character => CharUnicodeInfo.GetUnicodeCategory(character) != UnicodeCategory.NonSpacingMark));

    // A sign, or a letter of a script that puts no blanks between its words, is a word by itself.
    private static bool IsSign(char character) => char.IsPunctuation(character) || (char.IsAscii(character) && char.IsSymbol(character)) || character is >= '\u3400' and <= '\u9FFF' or >= '\uF900' and <= '\uFAFF';

    private static WordPieceTokens Read(IEnumerable<string> lines, bool cased, Func<string, Exception> damaged)
    {
        var (read, known) = (new List<string>(), new HashSet<string>());
        foreach (var line in lines)
        {
            read.Add(line);
            if (line.Length == 0 || !known.Add(line))
            {
                throw damaged($"line {read.Count} is no new piece");
            }
        }
        return Array.Find([UnknownPiece, Mask], piece => !known.Contains(piece)) is { } missing ? throw damaged($"it has no {missing}") : new(read, cased);
    }
}

using System.Text;
using System.Text.RegularExpressions;

namespace Granary.Torch.Data.Texts;

/// <summary>How a sentence is cut into words, and put together again.</summary>
public enum Wording
{
    /// <summary>Lower-case runs of letters; every other sign is a word of its own.</summary>
    Words,

    /// <summary>Every character that is no blank is a word, as suits Chinese.</summary>
    Characters,
}

/// <summary>What <see cref="Wording"/> does.</summary>
internal static partial class Wordings
{
    // Put together with what stands before, or behind.
    private const string NoBlankBefore = ".,!?;:)]}%'’-", NoBlankBehind = "([{'’-";

    /// <summary>Characters if more than half of the letters are Chinese or Japanese, which put no blanks between words.</summary>
    public static Wording Of(IEnumerable<string> text)
    {
        var (letters, withoutBlanks) = (0L, 0L);
        foreach (var rune in text.SelectMany(line => line.EnumerateRunes()).Where(Rune.IsLetter))
        {
            letters++;
            withoutBlanks += rune.Value is (>= 0x3040 and <= 0x30FF) or (>= 0x3400 and <= 0x4DBF) or (>= 0x4E00 and <= 0x9FFF) or (>= 0xF900 and <= 0xFAFF) or (>= 0x20000 and <= 0x3FFFF) ? 1 : 0;
        }
        return 2 * withoutBlanks > letters ? Wording.Characters : Wording.Words;
    }

    /// <summary>The words of a sentence.</summary>
    public static IReadOnlyList<string> Split(this Wording wording, string sentence)
    {
        if (wording == Wording.Words)
        {
            return [.. Word().EnumerateMatches(sentence).ToWords(sentence)];
        }
        return [.. sentence.EnumerateRunes().Where(rune => !Rune.IsWhiteSpace(rune) && !Rune.IsControl(rune)).Select(rune => rune.ToString())];
    }

    /// <summary>The sentence of these words, with blanks where people put them.</summary>
    public static string Join(this Wording wording, IReadOnlyList<string> words)
    {
        if (wording == Wording.Characters)
        {
            return string.Concat(words);
        }
        var sentence = new StringBuilder();
        for (var i = 0; i < words.Count; i++)
        {
            var joined = i == 0 || NoBlankBefore.Contains(words[i], StringComparison.Ordinal) || NoBlankBehind.Contains(words[i - 1], StringComparison.Ordinal)
                || char.IsAsciiDigit(words[i][0]) && char.IsAsciiDigit(words[i - 1][0]);
            sentence.Append(joined ? "" : " ").Append(words[i]);
        }
        return sentence.ToString();
    }

    /// <summary>
    /// What BLEU counts of a sentence: its characters, or what sacreBLEU's tokenization "13a" (Post, 2018) makes of it in lower case: signs
    /// are words of their own, but for points and commas between digits, hyphens that follow no digit, and apostrophes.
    /// </summary>
    public static IReadOnlyList<string> ForBleu(this Wording wording, string sentence) => wording == Wording.Characters
        ? wording.Split(sentence)
        : Sign().Replace(Entities(sentence.ToLowerInvariant()), " $0 ").Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries);

    private static string Entities(string sentence) => sentence.Contains('&')
        ? sentence.Replace("&quot;", "\"").Replace("&amp;", "&").Replace("&lt;", "<").Replace("&gt;", ">")
        : sentence;

    private static List<string> ToWords(this Regex.ValueMatchEnumerator matches, string sentence)
    {
        var words = new List<string>();
        foreach (var match in matches)
        {
            words.Add(sentence.Substring(match.Index, match.Length).ToLowerInvariant());
        }
        return words;
    }

    // A pair of surrogates is one sign.
    [GeneratedRegex(@"[\p{L}\p{M}]+|[\uD800-\uDBFF][\uDC00-\uDFFF]|[^\s\p{Cc}]")]
    private static partial Regex Word();

    [GeneratedRegex("[!-&(-+/:-@[-`{-~]|(?<![0-9])[.,]|[.,](?![0-9])|(?<=[0-9])-")]
    private static partial Regex Sign();
}

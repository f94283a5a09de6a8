using System.Text;
using Granary.Torch.Data.Texts;

namespace Granary.Torch.Data.Tokens;

/// <summary>What stands between blanks is a token, and the end of a line is one; token 0 is any word that is not among the most frequent.</summary>
internal sealed class WordTokens(Vocabulary vocabulary) : Tokenizer
{
    public override int Count => vocabulary.Count;

    public override int? Unknown => 0;

    public override int Start => vocabulary.Find(Vocabulary.LineEnd);

    public override IReadOnlyDictionary<string, byte[]> Assets => vocabulary.ToAssets();

    /// <param name="most">Most words, the unknown word included.</param>
    public static WordTokens Learn(string text, int most)
    {
        var numbers = new Dictionary<string, int>();
        var words = new List<string>();
        var encoded = new List<int>();
        foreach (var word in WordsOf(text))
        {
            if (!numbers.TryGetValue(word, out var number))
            {
                number = words.Count;
                numbers.Add(word, number);
                words.Add(word);
            }
            encoded.Add(number);
        }
        return new(Vocabulary.Of(words, encoded.ToArray(), most));
    }

    public static WordTokens FromAssets(Func<string, byte[]> asset) => new(Vocabulary.FromAssets(asset, unknown: true));

    public override int[] Encode(string text) => [.. WordsOf(text).Select(vocabulary.Find)];

    public override string Decode(IReadOnlyList<int> tokens) =>
        string.Join(' ', tokens.Select(token => vocabulary.Words[token])).Replace($" {Vocabulary.LineEnd} ", "\n").Replace(Vocabulary.LineEnd, "\n");

    // The blank that parts two words is a byte of the text, too.
    public override int BytesOf(int token, int before) =>
        IsLineEnd(token) ? 1 : Encoding.UTF8.GetByteCount(vocabulary.Words[token]) + (IsLineEnd(before) ? 0 : 1);

    private bool IsLineEnd(int token) => vocabulary.Words[token] == Vocabulary.LineEnd;

    private static IEnumerable<string> WordsOf(string text)
    {
        for (var i = 0; i < text.Length;)
        {
            if (text[i] <= ' ')
            {
                if (text[i++] == '\n')
                {
                    yield return Vocabulary.LineEnd;
                }
                continue;
            }
            var start = i;
            while (i < text.Length && text[i] > ' ')
            {
                i++;
            }
            yield return text[start..i];
        }
    }
}

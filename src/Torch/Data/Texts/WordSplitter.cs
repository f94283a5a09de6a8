namespace Granary.Torch.Data.Texts;

/// <summary>
/// The words of a sentence as people write it: in small letters, punctuation at a word's edges and the endings of contractions
/// (<c>n't</c>, <c>'s</c>) as words of their own. Sentences that are split already, as those of the Penn Treebank or SST, stay as they are.
/// </summary>
internal static class WordSplitter
{
    // An apostrophe stays before as many letters ('em, 'til, '70s), and after as many (ol', 'n').
    private const int After = 3, Before = 2;
    private const string Opening = "([{<\"“‘«`*_", Closing = ")]}>\"”’»,.!?;:…*_";
    private static readonly string[] endings = ["n't", "'s", "'re", "'ve", "'ll", "'d", "'m"];

    // Their full stop is a part of them, as it is of single letters and of words with another one inside (u.s.).
    private static readonly HashSet<string> titles = ["mr", "mrs", "ms", "dr", "st", "jr", "sr", "vs", "prof"];

    /// <summary>Adds the words to a list.</summary>
    public static void Split(string text, List<string> words)
    {
        text = text.ToLowerInvariant().Replace('\u2019', '\'');
        for (var start = 0; start < text.Length;)
        {
            var end = start;
            while (end < text.Length && !IsBlank(text[end]))
            {
                end++;
            }
            if (end > start)
            {
                SplitPiece(text[start..end], words);
            }
            start = end + 1;
        }
    }

    // Control characters too: a vocabulary cannot hold them.
    private static bool IsBlank(char letter) => letter <= ' ' || char.IsWhiteSpace(letter);

    private static void SplitPiece(string piece, List<string> words)
    {
        if (!piece.Any(char.IsLetterOrDigit))
        {
            words.Add(piece);
            return;
        }
        var first = piece.AsSpan().IndexOfAnyExcept(Opening);
        AddRuns(piece.AsSpan(0, first), words);
        var rest = piece.AsSpan(first);
        if (rest[0] == '\'' && rest.Length > 1 + After)
        {
            words.Add("'");
            rest = rest[1..];
        }
        var end = EndOf(rest);
        AddContracted(rest[..end], words);
        AddRuns(rest[end..], words);
    }

    /// <summary>Where the punctuation behind a word begins.</summary>
    private static int EndOf(ReadOnlySpan<char> rest)
    {
        for (var end = rest.Length; ; end--)
        {
            var word = rest[..(end - 1)];
            var isPunctuation = rest[end - 1] switch
            {
                '\'' => word.Length > Before,
                '.' => !(word.Length == 1 || word.TrimEnd('.').Contains('.') || titles.GetAlternateLookup<ReadOnlySpan<char>>().Contains(word)),
                var last => Closing.Contains(last),
            };
            if (!isPunctuation)
            {
                return end;
            }
        }
    }

    private static void AddContracted(ReadOnlySpan<char> word, List<string> words)
    {
        foreach (var ending in endings)
        {
            if (word.Length > ending.Length && word.EndsWith(ending))
            {
                words.Add(word[..^ending.Length].ToString());
                words.Add(ending);
                return;
            }
        }
        words.Add(word.ToString());
    }

    /// <summary>Equal characters side by side are one word: <c>...</c>, <c>!!</c>.</summary>
    private static void AddRuns(ReadOnlySpan<char> punctuation, List<string> words)
    {
        while (punctuation.Length > 0)
        {
            var length = punctuation.IndexOfAnyExcept(punctuation[0]);
            length = length < 0 ? punctuation.Length : length;
            words.Add(punctuation[..length].ToString());
            punctuation = punctuation[length..];
        }
    }
}

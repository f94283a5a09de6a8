namespace Granary.Torch.Data.Texts;

/// <summary>
/// Sentences of a <see cref="MadeUpLanguage"/> and their translations into another, for runs without data: every word has one translation, but
/// adjectives go behind their nouns, and the adverb and the verb to the end.
/// </summary>
internal static class MadeUpPairs
{
    private const int Topics = 3, Words = 40_000;
    private static readonly MadeUpLanguage source = new(seed: 21, Topics), target = new(seed: 22, Topics);

    /// <summary>Always the same ones.</summary>
    public static IReadOnlyList<(string Source, string Target)> Write()
    {
        var pairs = new List<(string, string)>();
        var sentence = new List<int>();
        foreach (var word in source.Write(Words))
        {
            if (source.ClassOf(source.Words[word]).Kind != WordKind.LineEnd)
            {
                sentence.Add(word);
                continue;
            }
            pairs.Add((Text(source, sentence), Text(target, Translate(sentence))));
            sentence.Clear();
        }
        return pairs;
    }

    /// <summary>The translation of a sentence of the source language.</summary>
    public static string Translate(string sentence) => Text(target, Translate([.. sentence.Split(' ').Select(word => source.Words.Index().First(known => known.Item == word).Index)]));

    // Both languages are made alike: a number is a word of the same class in either.
    private static List<int> Translate(List<int> sentence)
    {
        var (translation, end) = (new List<int>(), new List<int>());
        int? adjective = null;
        foreach (var word in sentence)
        {
            switch (source.ClassOf(source.Words[word]).Kind)
            {
                case WordKind.Adjective:
                    adjective = word;
                    break;
                case WordKind.Noun:
                    translation.Add(word);
                    translation.AddRange(adjective is { } waiting ? [waiting] : []);
                    adjective = null;
                    break;
                case WordKind.Adverb or WordKind.Verb:
                    end.Add(word);
                    break;
                default:
                    translation.Add(word);
                    break;
            }
        }
        return [.. translation, .. end];
    }

    private static string Text(MadeUpLanguage language, IEnumerable<int> words) => string.Join(' ', words.Select(word => language.Words[word]));
}

using Granary.Training.Randomness;

namespace Granary.Torch.Data.Texts;

/// <summary>
/// Sentences of the made-up language that praise or condemn: half of its adjectives and adverbs are kind and half are not, and a word before them
/// turns them into their opposite, so that words count, and their order a little. A sentence is good if more in it is kind than not.
/// </summary>
internal static class MadeUpReviews
{
    public const string Good = "good", Bad = "bad", Not = "nix";
    private const int Training = 10_000, HeldOut = 1000;
    private static readonly ILookup<WordClass, string> words = MadeUpLanguage.BuiltIn.Words.ToLookup(MadeUpLanguage.BuiltIn.ClassOf);
    private static readonly int topics = 1 + words.Max(group => group.Key.Topic);

    /// <summary>Always the same ones.</summary>
    public static LabelledTexts.Parts Write() => new(Part(0, Training), Part(1, HeldOut), Part(2, HeldOut));

    private static List<LabelledRow> Part(ulong part, int count)
    {
        var random = new StepRandom(7, part);
        var rows = new List<LabelledRow>(count);
        while (rows.Count < count)
        {
            var sentence = new List<string>();
            var kindness = WriteSentence(sentence, random.Next(topics), ref random);
            if (kindness != 0)
            {
                rows.Add(new(string.Join(' ', sentence), kindness > 0 ? Good : Bad, "the made-up reviews", rows.Count + 1));
            }
        }
        return rows;
    }

    /// <returns>How much more of it is kind than is not.</returns>
    private static int WriteSentence(List<string> sentence, int topic, ref StepRandom random)
    {
        var kindness = WriteNounPhrase(sentence, topic, ref random);
        kindness += WriteJudgement(sentence, new(WordKind.Adverb, topic), ref random);
        sentence.Add(Pick(new(WordKind.Verb, topic), ref random));
        kindness += WriteNounPhrase(sentence, topic, ref random);
        if (random.Next(3) == 0)
        {
            sentence.Add(Pick(new(WordKind.Preposition, -1), ref random));
            kindness += WriteNounPhrase(sentence, topic, ref random);
        }
        return kindness;
    }

    private static int WriteNounPhrase(List<string> sentence, int topic, ref StepRandom random)
    {
        sentence.Add(Pick(new(WordKind.Determiner, -1), ref random));
        var kindness = WriteJudgement(sentence, new(WordKind.Adjective, topic), ref random);
        sentence.Add(Pick(new(WordKind.Noun, topic), ref random));
        return kindness;
    }

    private static int WriteJudgement(List<string> sentence, WordClass kind, ref StepRandom random)
    {
        if (random.Next(2) == 0)
        {
            return 0;
        }
        var isTurned = random.Next(4) == 0;
        if (isTurned)
        {
            sentence.Add(Not);
        }
        var number = random.Next(words[kind].Count());
        sentence.Add(words[kind].ElementAt(number));
        return (number % 2 == 0) == isTurned ? -1 : 1;
    }

    private static string Pick(WordClass kind, ref StepRandom random) => words[kind].ElementAt(random.Next(words[kind].Count()));
}

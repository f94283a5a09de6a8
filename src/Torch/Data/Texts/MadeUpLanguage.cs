using System.Collections.Frozen;
using Granary.Training.Randomness;

namespace Granary.Torch.Data.Texts;

/// <summary>What a word of a made-up language is.</summary>
/// <param name="Topic">What it is about, from 0; -1: it serves every topic.</param>
internal readonly record struct WordClass(WordKind Kind, int Topic);

internal enum WordKind
{
    Determiner,
    Preposition,
    Noun,
    Verb,
    Adjective,
    Adverb,
    LineEnd,
}

/// <summary>
/// A language invented from a seed, for runs without data and for tests that know the truth: sentences follow a grammar,
/// stay with a topic for a while, and verbs are choosy about their objects. A model can learn all of it.
/// </summary>
internal sealed class MadeUpLanguage
{
    /// <summary>Length in words of the text that stands in for data.</summary>
    public const int BuiltInText = 250_000;

    private const int Determiners = 4, Prepositions = 8, Nouns = 40, Verbs = 16, Adjectives = 16, Adverbs = 6;
    private const int ObjectsOfAVerb = 8;
    private readonly ulong seed;
    private readonly int topics;
    private readonly List<string> words = [Vocabulary.LineEnd];
    private readonly List<WordClass> classes = [new(WordKind.LineEnd, -1)];
    private readonly Dictionary<WordClass, int> firsts = [];
    private readonly FrozenDictionary<string, WordClass> classOf;

    public MadeUpLanguage(ulong seed = 1, int topics = 12)
    {
        this.seed = seed;
        this.topics = topics;
        var random = new StepRandom(seed, 0);
        Invent(new(WordKind.Determiner, -1), Determiners, syllables: 1, "", ref random);
        Invent(new(WordKind.Preposition, -1), Prepositions, syllables: 1, "r", ref random);
        for (var topic = 0; topic < topics; topic++)
        {
            Invent(new(WordKind.Noun, topic), Nouns, syllables: 2, "", ref random);
            Invent(new(WordKind.Verb, topic), Verbs, syllables: 2, "n", ref random);
            Invent(new(WordKind.Adjective, topic), Adjectives, syllables: 2, "sh", ref random);
            Invent(new(WordKind.Adverb, topic), Adverbs, syllables: 2, "ly", ref random);
        }
        classOf = words.Zip(classes).ToFrozenDictionary(entry => entry.First, entry => entry.Second);
    }

    /// <summary>The language of runs without data.</summary>
    public static MadeUpLanguage BuiltIn { get; } = new();

    public IReadOnlyList<string> Words => words;

    public WordClass ClassOf(string word) => classOf[word];

    /// <summary>A text of this many words, as numbers into <see cref="Words"/>: always the same one.</summary>
    public int[] Write(int length)
    {
        var random = new StepRandom(seed, 1);
        var text = new List<int>(length + 32);
        var topic = 0;
        while (text.Count < length)
        {
            if (random.Next(8) == 0)
            {
                topic = random.Next(topics);
            }
            WriteSentence(text, topic, ref random);
        }
        return [.. text[..length]];
    }

    /// <summary>The same as a text: a blank between words, a line for each sentence.</summary>
    public string WriteText(int length) => string.Join(' ', Write(length).Select(word => words[word])).Replace($" {Vocabulary.LineEnd}", "\n", StringComparison.Ordinal).Replace("\n ", "\n", StringComparison.Ordinal);

    /// <summary>
    /// Pairs of content words with the similarity they ought to have: 10 for the same class, 5 for the same topic only, 0 for
    /// neither.
    /// </summary>
    public IReadOnlyList<(string First, string Second, double Score)> SimilarPairs(int count)
    {
        var random = new StepRandom(seed, 2);
        var pairs = new List<(string, string, double)>();
        while (pairs.Count < count)
        {
            // A third of the pairs of each sort.
            var topic = random.Next(topics);
            var other = pairs.Count % 3 == 0 ? (topic + 1 + random.Next(topics - 1)) % topics : topic;
            var (kind, score) = (pairs.Count % 3) switch
            {
                0 => (WordKind.Verb, 0),
                1 => (WordKind.Adjective, 5),
                _ => (WordKind.Noun, 10),
            };
            var first = Pick(WordKind.Noun, topic, Nouns, ref random);
            var second = Pick(kind, other, kind == WordKind.Noun ? Nouns : Verbs, ref random);
            if (first != second)
            {
                pairs.Add((words[first], words[second], score));
            }
        }
        return pairs;
    }

    private void WriteSentence(List<int> text, int topic, ref StepRandom random)
    {
        WriteNounPhrase(text, topic, Pick(WordKind.Noun, topic, Nouns, ref random), ref random);
        if (random.Next(4) == 0)
        {
            text.Add(Pick(WordKind.Adverb, topic, Adverbs, ref random));
        }
        var verb = Pick(WordKind.Verb, topic, Verbs, ref random);
        text.Add(verb);
        var objects = firsts[new(WordKind.Noun, topic)];
        WriteNounPhrase(text, topic, objects + (verb * 5 + Skewed(ObjectsOfAVerb, ref random)) % Nouns, ref random);
        if (random.Next(3) == 0)
        {
            text.Add(Pick(WordKind.Preposition, -1, Prepositions, ref random));
            WriteNounPhrase(text, topic, Pick(WordKind.Noun, topic, Nouns, ref random), ref random);
        }
        text.Add(0);
    }

    private void WriteNounPhrase(List<int> text, int topic, int noun, ref StepRandom random)
    {
        text.Add(Pick(WordKind.Determiner, -1, Determiners, ref random));
        if (random.Next(2) == 0)
        {
            text.Add(Pick(WordKind.Adjective, topic, Adjectives, ref random));
        }
        text.Add(noun);
    }

    private int Pick(WordKind kind, int topic, int count, ref StepRandom random) => firsts[new(kind, topic)] + Skewed(count, ref random);

    // Some words are common and most are rare, as in any language.
    private static int Skewed(int count, ref StepRandom random)
    {
        var uniform = random.NextDouble();
        return (int)(count * uniform * uniform);
    }

    private void Invent(WordClass wordClass, int count, int syllables, string ending, ref StepRandom random)
    {
        const string Consonants = "bdfgklmnprstvz", Vowels = "aeiou";
        firsts[wordClass] = words.Count;
        for (var invented = 0; invented < count;)
        {
            var word = "";
            for (var i = 0; i < syllables; i++)
            {
                word += $"{Consonants[random.Next(Consonants.Length)]}{Vowels[random.Next(Vowels.Length)]}";
            }
            if (!words.Contains(word + ending))
            {
                words.Add(word + ending);
                classes.Add(wordClass);
                invented++;
            }
        }
    }
}

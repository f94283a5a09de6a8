using System.Text;
using Granary.Training.Checkpoints;
using Granary.Training.Tasks;

namespace Granary.Torch.Data.Texts;

/// <summary>One side of pairs of sentences: how its sentences are cut into words, and which words are known.</summary>
public sealed class SentenceLanguage
{
    private readonly Wording wording;
    private readonly Vocabulary vocabulary;

    private SentenceLanguage(Wording wording, Vocabulary vocabulary) => (this.wording, this.vocabulary) = (wording, vocabulary);

    /// <summary>Stands for words that are not known.</summary>
    public const int Unknown = 0;

    /// <summary>Ends a sentence, and fills what is behind it.</summary>
    public int End => vocabulary.Count;

    /// <summary>Begins a sentence.</summary>
    public int Begin => vocabulary.Count + 1;

    /// <summary>Words that can be read: those that are known, <see cref="Unknown"/>, <see cref="End"/> and <see cref="Begin"/>.</summary>
    public int Count => vocabulary.Count + 2;

    /// <summary>The language of a text.</summary>
    /// <param name="wording"><see langword="null"/>: as suits most of the letters.</param>
    /// <param name="minCount">Words that occur less often are unknown.</param>
    /// <param name="name">Of the side, as the message says.</param>
    /// <exception cref="TrainingDataException">No word occurs that often.</exception>
    internal static SentenceLanguage Of(IReadOnlyList<string> sentences, Wording? wording, int minCount, string name)
    {
        var rule = wording ?? Wordings.Of(sentences);
        var (numbers, words, text) = (new Dictionary<string, int>(), new List<string>(), new List<int>());
        foreach (var word in sentences.SelectMany(sentence => rule.Split(sentence)))
        {
            if (!numbers.TryGetValue(word, out var number))
            {
                numbers.Add(word, number = words.Count);
                words.Add(word);
            }
            text.Add(number);
        }
        var vocabulary = Vocabulary.Of(words, [.. text], minCount: minCount);
        return vocabulary.Count >= 2 ? new(rule, vocabulary) : throw new TrainingDataException(
            $"No word of the {name} sentences occurs {minCount} times, so that none would be known. Give more pairs, or a smaller min-count.");
    }

    /// <summary>The language that a model was trained with.</summary>
    /// <exception cref="CheckpointException">Its assets are missing or damaged.</exception>
    public static SentenceLanguage FromAssets(Func<string, byte[]> asset, string name)
    {
        var text = Encoding.UTF8.GetString(asset(WordingFile(name)));
        var wording = Enum.GetValues<Wording>().Where(known => text == Text(known)).ToList();
        return wording.Count == 1
            ? new(wording[0], Vocabulary.FromAssets(asset, unknown: true, VocabularyFile(name)))
            : throw new CheckpointException($"The checkpoint's {WordingFile(name)} is damaged: it does not say how sentences are cut into words. Use another checkpoint, or train anew.");
    }

    /// <summary>What a model that knows the language keeps of it.</summary>
    public IEnumerable<KeyValuePair<string, byte[]>> ToAssets(string name) =>
        [new(WordingFile(name), Encoding.UTF8.GetBytes(Text(wording))), .. vocabulary.ToAssets(VocabularyFile(name))];

    /// <summary>A sentence as numbers of words.</summary>
    public int[] Encode(string sentence) => [.. wording.Split(sentence).Select(vocabulary.Find)];

    /// <summary>The sentence of these words.</summary>
    public string Decode(IEnumerable<int> sentence) => wording.Join([.. sentence.Select(word => vocabulary.Words[word])]);

    /// <summary>What is counted for BLEU, see <see cref="Wordings.ForBleu"/>.</summary>
    internal IReadOnlyList<string> ForBleu(string sentence) => wording.ForBleu(sentence);

    private static string WordingFile(string name) => $"{name}.wording.txt";

    private static string VocabularyFile(string name) => $"{name}.{Vocabulary.FileName}";

    private static string Text(Wording wording) => $"{wording.ToString().ToLowerInvariant()}\n";
}

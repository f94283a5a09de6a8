using Granary.Training.Tasks;

namespace Granary.Models;

/// <summary>How word vectors are trained; see <see cref="Word2VecTask"/>.</summary>
public sealed record Word2VecSettings
{
    /// <summary>The choices of <see cref="Model"/>.</summary>
    internal const string SkipGram = "skipgram", Cbow = "cbow";

    /// <summary>The choices of <see cref="Loss"/>.</summary>
    internal const string Negative = "negative", Hierarchical = "hierarchical";

    [Setting("what learns to tell a centre word: each word of its window, or the mean of them (continuous bag of words)", Choices = [SkipGram, Cbow])]
    public string Model { get; init; } = SkipGram;

    [Setting("what a centre word is told from: some random words (negative sampling), or all others by a Huffman tree (hierarchical softmax)", Choices = [Negative, Hierarchical])]
    public string Loss { get; init; } = Negative;

    [Setting("numbers in a word's vector", Min = 1, Max = 4096)]
    public int Dimension { get; init; } = 100;

    [Setting("words on each side that a window reaches at most; how far it does is drawn for each word", Min = 1, Max = 100)]
    public int Window { get; init; } = 5;

    [Setting("random words that a word is told apart from by negative sampling, drawn anew for each centre word", Min = 1, Max = 100)]
    public int Negatives { get; init; } = 5;

    [Setting("make words of their n-grams too, as fastText does: vectors of rare words are better, and unknown words have one")]
    public bool Subwords { get; init; }

    [Setting("characters of the shortest n-grams; the brackets around a word count", Min = 1, Max = 100)]
    public int MinGram { get; init; } = 3;

    [Setting("characters of the longest n-grams", Min = 1, Max = 100)]
    public int MaxGram { get; init; } = 6;

    [Setting("n-grams share so many buckets; those in use have a vector", Min = 1, Max = 1 << 30)]
    public int Buckets { get; init; } = 2_000_000;

    [Setting("passes over the text that join pairs of words to phrases such as new_york", Min = 0, Max = 10)]
    public int Phrases { get; init; }

    [Setting("how many times as often as by chance a pair must stand in the text to be joined", Min = 0)]
    public double PhraseThreshold { get; init; } = 100;

    [Setting("so many occurrences of a pair do not count, lest rare words be joined", Min = 0, Max = 1 << 30)]
    public int PhraseDiscount { get; init; } = 5;

    [Setting("use only the first so many words of the text; 0: all", Min = 0, Max = 1 << 30)]
    public int Words { get; init; }

    [Setting("words that stand less often in the text are left out", Min = 1, Max = 1 << 30)]
    public int MinCount { get; init; } = 5;

    [Setting("most words in the vocabulary; 0: any number", Min = 0, Max = 1 << 30)]
    public int VocabularySize { get; init; }

    [Setting("words more frequent than about this share of the text are dropped now and then; 0: never", Min = 0, Max = 1)]
    public double Sample { get; init; } = 1e-4;

    [Setting("learning rate at the start; falls to nearly 0 in a straight line; 0: 0.075 for skipgram, 0.2 for cbow with negative sampling, 0.1 for cbow with a tree", Min = 0, Max = 10)]
    public double LearningRate { get; init; }

    [Setting("words of text in a step, those that subsampling drops included; 0: a tenth of the text, 800,000 at most", Min = 0, Max = 1 << 26)]
    public int Batch { get; init; }

    [Setting("folder with wordsim353.csv, simlex-999.txt, men.txt, questions-words.txt; default: the data's own, embedding beside it, or embedding in GRANARY_DATA", IsPath = true)]
    public string Similarity { get; init; } = "";

    /// <summary>The learning rate that <see cref="LearningRate"/> asks for.</summary>
    internal double LearningRateInForce => (LearningRate, Model, Loss) switch
    {
        ( > 0, _, _) => LearningRate,
        // A window of CBOW takes one step where skip-gram takes one for each of its words.
        (_, Cbow, Negative) => 0.2,
        (_, Cbow, _) => 0.1,
        _ => 0.075,
    };
}

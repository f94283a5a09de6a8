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

    [Setting("use only the first so many words of the text; 0: all", Min = 0, Max = 1 << 30)]
    public int Words { get; init; }

    [Setting("words that stand less often in the text are left out", Min = 1, Max = 1 << 30)]
    public int MinCount { get; init; } = 5;

    [Setting("most words in the vocabulary; 0: any number", Min = 0, Max = 1 << 30)]
    public int VocabularySize { get; init; }

    [Setting("words more frequent than about this share of the text are dropped now and then; 0: never", Min = 0, Max = 1)]
    public double Sample { get; init; } = 1e-4;

    [Setting("learning rate at the start; falls to nearly 0 in a straight line", Min = 0, Max = 10)]
    public double LearningRate { get; init; } = 0.075;

    [Setting("words of text in a step, those that subsampling drops included; 0: a tenth of the text, 800,000 at most", Min = 0, Max = 1 << 26)]
    public int Batch { get; init; }

    [Setting("folder with wordsim353.csv, simlex-999.txt, men.txt, questions-words.txt; default: the data's own, embedding beside it, or embedding in GRANARY_DATA")]
    public string Similarity { get; init; } = "";
}

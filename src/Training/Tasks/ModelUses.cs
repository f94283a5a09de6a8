namespace Granary.Training.Tasks;

/// <summary>A replica that can write text: <c>granary generate</c>.</summary>
public interface ITextGenerator
{
    /// <summary>Goes on from a prompt, or begins a text; the same seed gives the same text.</summary>
    string Generate(string? prompt, int count, ulong seed);
}

/// <summary>A replica that can draw: <c>granary generate</c>.</summary>
public interface IPictureGenerator
{
    /// <summary>A PNG file with a grid of <paramref name="count"/> pictures.</summary>
    byte[] Draw(int count, ulong seed);
}

/// <summary>A replica that knows words as vectors: <c>granary nearest</c>, <c>granary analogy</c>, <c>granary export</c>.</summary>
public interface IWordVectors
{
    /// <summary>The most similar words by cosine. Throws <see cref="ArgumentException"/> for an unknown word.</summary>
    IReadOnlyList<(string Word, double Similarity)> Nearest(string word, int count);

    /// <summary>a is to b as c is to: the words nearest to b - a + c, by cosine, without a, b, c.</summary>
    IReadOnlyList<(string Word, double Similarity)> Analogy(string a, string b, string c, int count);

    /// <summary>Writes the vectors in word2vec's text format.</summary>
    void Export(string path);
}

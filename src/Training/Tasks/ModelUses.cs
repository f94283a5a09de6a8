namespace Granary.Training.Tasks;

/// <summary>A replica that can write text: <c>granary generate</c>.</summary>
public interface ITextGenerator
{
    /// <summary>Goes on from a prompt, or begins a text; the same seed gives the same text.</summary>
    /// <param name="count">How many tokens to add.</param>
    /// <param name="sampling">How each is chosen. Default: as likely as the model holds it.</param>
    string Generate(string? prompt, int count, ulong seed, Sampling? sampling = null);
}

/// <summary>A replica that can draw: <c>granary generate</c>.</summary>
public interface IPictureGenerator
{
    /// <summary>A PNG file with a grid of <paramref name="count"/> pictures.</summary>
    byte[] Draw(int count, ulong seed);
}

/// <summary>A model that is a picture itself: <c>granary generate</c>.</summary>
public interface IPicture
{
    /// <summary>A PNG file of it.</summary>
    byte[] ToPng();
}

/// <summary>A model that changes pictures: <c>granary generate --input</c>.</summary>
public interface IPictureTransformer
{
    /// <summary>A PNG file with what becomes of a picture.</summary>
    /// <param name="path">Of the picture.</param>
    /// <exception cref="TrainingDataException">It cannot be read.</exception>
    byte[] Transform(string path);
}

/// <summary>A model that answers to inputs: <c>granary predict</c>.</summary>
public interface IPredictor
{
    /// <summary>What an input is.</summary>
    InputKind Takes { get; }

    /// <summary>An answer to each input, in their order.</summary>
    /// <param name="inputs">Texts, or paths of files, as <see cref="Takes"/> says.</param>
    /// <exception cref="UnanswerableInputException">An input cannot be answered.</exception>
    /// <exception cref="TrainingDataException">A file cannot be read.</exception>
    IReadOnlyList<Prediction> Predict(IReadOnlyList<string> inputs);
}

/// <summary>A model has no answer to an input, whatever its weights are. The message quotes the input and says what would do.</summary>
public sealed class UnanswerableInputException(string message) : Exception(message);

/// <summary>What the inputs of an <see cref="IPredictor"/> are.</summary>
public enum InputKind
{
    /// <summary>A line of text.</summary>
    Text,

    /// <summary>The path of a picture.</summary>
    Picture,
}

/// <summary>An answer to an input.</summary>
/// <param name="Answer">A class, a translation, a text with its gaps filled.</param>
/// <param name="Choices">What it was chosen from, the likeliest first; empty: the model does not choose among a few.</param>
/// <param name="Picture">A PNG file that shows how the answer came about; <see langword="null"/>: there is none.</param>
public sealed record Prediction(string Answer, IReadOnlyList<Choice> Choices, byte[]? Picture = null);

/// <summary>Something that a model could have answered.</summary>
/// <param name="Probability">From 0 to 1.</param>
public readonly record struct Choice(string Label, double Probability);

/// <summary>A replica that knows words as vectors: <c>granary nearest</c>, <c>granary analogy</c>, <c>granary export</c>.</summary>
public interface IWordVectors
{
    /// <summary>The most similar words by cosine. Throws <see cref="ArgumentException"/> for an unknown word.</summary>
    IReadOnlyList<(string Word, double Similarity)> Nearest(string word, int count);

    /// <summary>a is to b as c is to: the words nearest to b - a + c, by cosine, without a, b, c.</summary>
    IReadOnlyList<(string Word, double Similarity)> Analogy(string a, string b, string c, int count);

    /// <summary>The most frequent words of the vocabulary with copies of their vectors, the most frequent first.</summary>
    IReadOnlyList<(string Word, float[] Vector)> Frequent(int count);

    /// <summary>Writes the vectors in word2vec's format, the most frequent word first.</summary>
    /// <param name="binary">Whether numbers are their four bytes, which takes half the room. Default: they are text.</param>
    void Export(string path, bool binary = false);
}

/// <summary>A model that other programs can compute: <c>granary export --format onnx</c>.</summary>
public interface IOnnxModel
{
    /// <summary>Writes it as a graph of the format ONNX, with its weights.</summary>
    void WriteOnnx(Stream stream);
}

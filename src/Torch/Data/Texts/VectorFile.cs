using System.Globalization;
using Granary.Training.Tasks;

namespace Granary.Torch.Data.Texts;

/// <summary>
/// Word vectors in word2vec's format: a line with the numbers of words and dimensions, then each word and its vector, as text a line, or with a blank and
/// the bytes of 32-bit floats behind the word.
/// </summary>
/// <param name="Values">A row for each word.</param>
internal sealed partial record VectorFile(string[] Words, int Dimension, float[] Values)
{
    private const int LongestWord = 10_000, LongestNumber = 50;

    /// <exception cref="TrainingDataException">The file is missing or of another kind.</exception>
    public static VectorFile Read(string path)
    {
        if (!File.Exists(path))
        {
            throw new TrainingDataException($"'{path}' is not there. Give word vectors in word2vec's format, such as granary export writes.");
        }
        if (IsBinary(path))
        {
            return Use(path, ReadBinary);
        }
        var (count, dimension) = ReadHead(path, TextLines.Read(path, LongestWord).Select(line => line.Line).FirstOrDefault());
        var (words, values) = (new string[count], new float[count * dimension]);
        var known = new HashSet<string>(StringComparer.Ordinal);
        var word = -1;
        foreach (var (number, line) in TextLines.Read(path, LongestWord + LongestNumber * dimension))
        {
            if (number == 1 || (line.Length == 0 && word == count - 1))
            {
                continue;
            }
            if (++word == count)
            {
                throw new TrainingDataException($"Line {number} of '{path}' follows after the {count} words that its first line tells of. Is the file whole?");
            }
            words[word] = ReadVector(line, values.AsSpan(word * dimension, dimension), path, number);
            if (!known.Add(words[word]))
            {
                throw new TrainingDataException($"Line {number} of '{path}' has the word '{words[word]}' once more.");
            }
        }
        return word == count - 1 ? new(words, dimension, values) : throw new TrainingDataException(
            $"Line {word + 3} of '{path}' is missing: its first line tells of {count} words. Is the file whole?");
    }

    private static (int Count, int Dimension) ReadHead(string path, string? line)
    {
        var head = line?.Split(' ') ?? [];
        if (head.Length != 2 || !int.TryParse(head[0], CultureInfo.InvariantCulture, out var count) || !int.TryParse(head[1], CultureInfo.InvariantCulture, out var dimension) || count < 1 || dimension < 1)
        {
            throw new TrainingDataException($"'{path}' does not begin with a line of two numbers, words and dimensions: it is not in word2vec's format.");
        }
        // A word takes at least a letter, and a number at least a blank and a digit.
        var least = (Int128)count * (2 * (Int128)dimension + 1);
        return least <= new FileInfo(path).Length && dimension <= (int.MaxValue - LongestWord) / LongestNumber && (long)count * dimension <= Array.MaxLength
            ? (count, dimension)
            : throw new TrainingDataException($"'{path}' tells of {count} words of {dimension} numbers, more than there is room for. Is the file whole?");
    }

    /// <returns>The word.</returns>
    private static string ReadVector(string line, Span<float> values, string path, int number)
    {
        var fields = line.AsSpan().Split(' ');
        var word = fields.MoveNext() ? line[fields.Current] : "";
        var found = 0;
        foreach (var field in fields)
        {
            if (found < values.Length && !(float.TryParse(line.AsSpan(field), CultureInfo.InvariantCulture, out values[found]) && float.IsFinite(values[found])))
            {
                throw new TrainingDataException($"Line {number} of '{path}' has '{line[field]}' where a number is wanted.");
            }
            found++;
        }
        return found == values.Length ? word : throw new TrainingDataException($"Line {number} of '{path}' has {found} numbers, not {values.Length}. Is the file whole?");
    }
}

using System.Buffers;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using Granary.Training.Files;
using Granary.Training.Tasks;

namespace Granary.Torch.Data.Texts;

internal sealed partial record VectorFile
{
    private static readonly SearchValues<byte> controls = SearchValues.Create([.. Enumerable.Range(0, ' ').Select(value => (byte)value).Except("\t\n\r"u8.ToArray())]);
    private static readonly UTF8Encoding utf8 = new(encoderShouldEmitUTF8Identifier: false);

    /// <param name="values">A row for each word.</param>
    /// <param name="binary">Whether numbers are their bytes, or the shortest text that reads back as the same float.</param>
    public static void Write(string path, IReadOnlyList<string> words, int dimension, ReadOnlySpan<float> values, bool binary)
    {
        using var file = new BufferedStream(File.Create(path), 1 << 20);
        file.Write(utf8.GetBytes(string.Create(CultureInfo.InvariantCulture, $"{words.Count} {dimension}\n")));
        Span<byte> number = stackalloc byte[32];
        for (var word = 0; word < words.Count; word++)
        {
            var row = values.Slice(word * dimension, dimension);
            file.Write(utf8.GetBytes(words[word]));
            if (binary)
            {
                file.WriteByte((byte)' ');
                file.Write(MemoryMarshal.AsBytes(row));
            }
            foreach (var value in binary ? [] : row)
            {
                file.WriteByte((byte)' ');
                value.TryFormat(number, out var length, provider: CultureInfo.InvariantCulture);
                file.Write(number[..length]);
            }
            file.WriteByte((byte)'\n');
        }
    }

    /// <summary>Whether there is anything that no text has: control characters, or in the first vector letters that no number has.</summary>
    private static bool IsBinary(string path) => Use(path, (file, _) =>
    {
        const int Looked = 1 << 13;
        var bytes = new byte[LongestWord + Looked];
        var rest = bytes.AsSpan(0, file.ReadAtLeast(bytes, bytes.Length, throwOnEndOfStream: false));
        rest = rest[(rest.IndexOf((byte)'\n') + 1)..];
        rest = rest[(rest.IndexOf((byte)' ') + 1)..];
        var line = rest.IndexOf((byte)'\n') is >= 0 and var end ? rest[..end] : rest;
        return line.ContainsAnyInRange((byte)0x7F, (byte)0xFF) || rest.ContainsAny(controls);
    });

    private static VectorFile ReadBinary(Stream file, string path)
    {
        var head = new StringBuilder();
        for (var letter = file.ReadByte(); letter is not ('\n' or -1) && head.Length < LongestWord; letter = file.ReadByte())
        {
            head.Append((char)letter);
        }
        var (count, dimension) = ReadHead(path, head.ToString().Trim());
        var (words, values) = (new string[count], new float[count * dimension]);
        var known = new HashSet<string>(StringComparer.Ordinal);
        for (var number = 0; number < count; number++)
        {
            var row = values.AsSpan(number * dimension, dimension);
            words[number] = ReadWord(file) ?? throw Torn(number);
            if (file.ReadAtLeast(MemoryMarshal.AsBytes(row), row.Length * sizeof(float), throwOnEndOfStream: false) < row.Length * sizeof(float))
            {
                throw Torn(number);
            }
            if (row.ToArray().Any(value => !float.IsFinite(value)))
            {
                throw new TrainingDataException($"'{path}' has a number that is not finite in the vector of '{words[number]}'. Is the file whole?");
            }
            if (!known.Add(words[number]))
            {
                throw new TrainingDataException($"'{path}' has the word '{words[number]}' once more.");
            }
        }
        return new(words, dimension, values);

        TrainingDataException Torn(int number) => new($"'{path}' ends within word {number + 1} of the {count} that its first line tells of. Is the file whole?");
    }

    private static T Use<T>(string path, Func<Stream, string, T> use)
    {
        try
        {
            using var file = RegularFile.Open(path);
            return use(file, path);
        }
        catch (Exception error) when (error.IsStorageFault())
        {
            throw new TrainingDataException($"'{path}' cannot be read: {error.Message}", error);
        }
    }

    /// <summary><see langword="null"/>: there is none. A line may end before it.</summary>
    private static string? ReadWord(Stream file)
    {
        var letters = new List<byte>();
        for (var letter = file.ReadByte(); letter != ' '; letter = file.ReadByte())
        {
            if (letter < 0 || letters.Count == LongestWord)
            {
                return null;
            }
            if (letter != '\n' || letters.Count > 0)
            {
                letters.Add((byte)letter);
            }
        }
        return utf8.GetString(CollectionsMarshal.AsSpan(letters));
    }
}

using System.Buffers.Binary;
using System.IO.Compression;
using Granary.Training.Tasks;

namespace Granary.Models.Data;

/// <summary>Where a text lies: one file, or one each for training, validation and test.</summary>
internal sealed record TextFiles(string Training, string? Validation = null, string? Test = null)
{
    /// <param name="path">
    /// A text, a .zip with one, a .gz of one; or a folder with files named <c>train</c>, <c>valid</c> and <c>test</c>
    /// (<c>train.txt</c>, <c>wiki.train.tokens</c>), else with one of the former.
    /// </param>
    /// <exception cref="TrainingDataException">There is nothing of the kind.</exception>
    public static TextFiles Find(string path)
    {
        if (File.Exists(path))
        {
            return new(path);
        }
        if (!Directory.Exists(path))
        {
            throw new TrainingDataException($"There is nothing at '{path}'. Give the path of a text, of a .zip or .gz file with one, or of a folder with one, as the silo sees it.");
        }
        var files = Directory.GetFiles(path).Order(StringComparer.Ordinal).ToArray();
        string? Part(string name) => Array.Find(files, file => Path.GetFileName(file).Split('.').Contains(name));
        var (training, validation, test) = (Part("train"), Part("valid"), Part("test"));
        if (training is not null && validation is not null && test is not null)
        {
            return new(training, validation, test);
        }
        if (training is not null || validation is not null)
        {
            var missing = training is null ? "train" : validation is null ? "valid" : "test";
            throw new TrainingDataException($"'{path}' lacks a file named '{missing}', such as {missing}.txt or wiki.{missing}.tokens. Add it, or give the path of a single text.");
        }
        foreach (var extension in new[] { ".zip", ".gz", ".txt", "" })
        {
            var candidates = Array.FindAll(files, file => Path.GetExtension(file) == extension);
            if (candidates.Length == 1)
            {
                return new(candidates[0]);
            }
            if (candidates.Length > 1)
            {
                throw new TrainingDataException($"'{path}' holds {candidates.Length} files that could be the text, such as '{Path.GetFileName(candidates[0])}'. Give the path of one of them.");
            }
        }
        throw new TrainingDataException($"'{path}' holds no text: neither .zip, .gz nor .txt. Give the path of a text, or of a folder with one.");
    }

    /// <summary>Opens a file, unpacked if it is packed, for as long as <paramref name="use"/> runs; it is told the text's length modulo 2^32.</summary>
    /// <exception cref="TrainingDataException">The file cannot be read or is damaged.</exception>
    public static T Read<T>(string path, Func<Stream, uint, T> use)
    {
        try
        {
            using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 1 << 16);
            Span<byte> magic = stackalloc byte[2];
            file.ReadAtLeast(magic, magic.Length, throwOnEndOfStream: false);
            file.Position = 0;
            if (magic.SequenceEqual("PK"u8))
            {
                return ReadFirstMember(file, path, use);
            }
            return magic.SequenceEqual<byte>([0x1F, 0x8B]) ? ReadCompressed(file, use) : use(file, (uint)file.Length);
        }
        catch (InvalidDataException error)
        {
            throw new TrainingDataException($"'{path}' is truncated or damaged ({error.Message}). Fetch it again.", error);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new TrainingDataException($"'{path}' cannot be read: {error.Message}", error);
        }
    }

    private static T ReadCompressed<T>(FileStream file, Func<Stream, uint, T> use)
    {
        // The last four bytes tell the length; without them a truncated file would pass for a shorter one.
        Span<byte> length = stackalloc byte[sizeof(uint)];
        file.Position = Math.Max(0, file.Length - length.Length);
        file.ReadAtLeast(length, length.Length, throwOnEndOfStream: false);
        file.Position = 0;
        using var text = new GZipStream(file, CompressionMode.Decompress);
        return use(text, BinaryPrimitives.ReadUInt32LittleEndian(length));
    }

    private static T ReadFirstMember<T>(FileStream file, string path, Func<Stream, uint, T> use)
    {
        using var archive = new ZipArchive(file, ZipArchiveMode.Read);
        var member = archive.Entries.FirstOrDefault(entry => entry.Length > 0)
            ?? throw new TrainingDataException($"'{path}' is an empty archive. Give one with a text.");
        using var text = member.Open();
        return use(text, (uint)member.Length);
    }
}

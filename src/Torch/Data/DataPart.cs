using System.IO.Compression;
using Granary.Training.Files;
using Granary.Training.Tasks;

namespace Granary.Torch.Data;

/// <summary>Something to read: a file, plain or gzipped, or a member of a zip archive.</summary>
internal sealed record DataPart(string Path, string? Member = null)
{
    /// <summary>As messages name it.</summary>
    public override string ToString() => Member is null ? $"'{Path}'" : $"'{Member}' in '{Path}'";

    /// <summary>
    /// Opens it, unpacked, while <paramref name="use"/> runs, which is also told how many bytes there can be at most. Reading to
    /// the end shows whether any are missing.
    /// </summary>
    /// <exception cref="TrainingDataException">It cannot be read, is damaged, or unpacks to more than is believed.</exception>
    public T Read<T>(Func<Stream, long, T> use) => Open(Path, file =>
    {
        if (Member is not null)
        {
            using var archive = new ZipArchive(file, ZipArchiveMode.Read);
            var member = archive.GetEntry(Member) ?? throw new InvalidDataException($"'{Member}' is gone");
            using var content = member.IsEncrypted ? throw new InvalidDataException($"'{Member}' is encrypted") : member.Open();
            var checksum = new ZipChecksum(member);
            return Unpacked(content, file, use, checksum.Append, checksum.Check);
        }
        if (!Begins(file, [0x1F, 0x8B]))
        {
            return use(file, file.Length);
        }
        using var source = new GzipSource(file);
        using var text = new GZipStream(source, CompressionMode.Decompress);
        return Unpacked(text, file, use, _ => { }, source.CheckEnd);
    });

    /// <summary>The names and members of a zip archive; <see langword="null"/>: it is none.</summary>
    /// <exception cref="TrainingDataException"/>
    public static IReadOnlyList<DataPart>? Members(string path) => Open<IReadOnlyList<DataPart>?>(path, file =>
    {
        if (!Begins(file, "PK"u8))
        {
            return null;
        }
        using var archive = new ZipArchive(file, ZipArchiveMode.Read);
        return [.. archive.Entries.Where(entry => entry.Length > 0).Select(entry => new DataPart(path, entry.FullName))];
    });

    private T Unpacked<T>(Stream content, FileStream file, Func<Stream, long, T> use, Action<ReadOnlySpan<byte>> append, Action check)
    {
        using var bounded = new UnpackedStream(content, file, this, append, check);
        return use(bounded, UnpackedStream.Most(file.Length));
    }

    private static T Open<T>(string path, Func<FileStream, T> use)
    {
        try
        {
            using var file = RegularFile.Open(path);
            return use(file);
        }
        catch (InvalidDataException error)
        {
            throw new TrainingDataException($"'{path}' is truncated or damaged ({error.Message}). Fetch it again.", error);
        }
        catch (Exception error) when (error.IsStorageFault())
        {
            throw new TrainingDataException($"'{path}' cannot be read: {error.Message} Is the path right, and on this machine too?", error);
        }
    }

    private static bool Begins(FileStream file, ReadOnlySpan<byte> magic)
    {
        Span<byte> first = stackalloc byte[2];
        file.ReadAtLeast(first, first.Length, throwOnEndOfStream: false);
        file.Position = 0;
        return first.SequenceEqual(magic);
    }
}

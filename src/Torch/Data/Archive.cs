using System.Formats.Tar;
using System.IO.Compression;

namespace Granary.Torch.Data;

/// <summary>Unpacks archives that have been fetched: <c>.zip</c> and what is one under another name, and <c>.tar.gz</c>.</summary>
internal static class Archive
{
    /// <summary>Unpacks a part of an archive into a folder. Files that are there under the same name are replaced, when all has been unpacked; folders are not.</summary>
    /// <param name="name">Of the archive, which tells its kind.</param>
    /// <param name="within">Only what lies below this path within the archive, which is taken off; ends with a slash or is empty.</param>
    /// <exception cref="InvalidDataException">It is damaged, or would write elsewhere.</exception>
    public static void Unpack(string path, string name, string within, string folder)
    {
        var staging = Path.Combine(folder, $"{Path.GetFileName(name)}.unpacking");
        if (Directory.Exists(staging))
        {
            Directory.Delete(staging, recursive: true);
        }
        Directory.CreateDirectory(staging);
        if (name.EndsWith(".tar.gz", StringComparison.Ordinal))
        {
            UnpackTar(path, within, staging);
        }
        else
        {
            UnpackZip(path, within, staging);
        }
        foreach (var entry in Directory.GetFileSystemEntries(staging))
        {
            var target = Path.Combine(folder, Path.GetFileName(entry));
            if (Directory.Exists(target))
            {
                throw new InvalidDataException($"'{target}' is there already, and is not deleted: take it away.");
            }
            File.Delete(target);
            Directory.Move(entry, target);
        }
        Directory.Delete(staging);
    }

    private static void UnpackZip(string path, string within, string staging)
    {
        using var archive = ZipFile.OpenRead(path);
        foreach (var member in archive.Entries.Where(member => member.Name.Length > 0))
        {
            if (Place(member.FullName, within, staging) is { } target)
            {
                member.ExtractToFile(target);
            }
        }
    }

    private static void UnpackTar(string path, string within, string staging)
    {
        using var file = File.OpenRead(path);
        using var unzipped = new GZipStream(file, CompressionMode.Decompress);
        using var archive = new TarReader(unzipped);
        while (archive.GetNextEntry() is { } member)
        {
            if (member.EntryType is TarEntryType.RegularFile or TarEntryType.V7RegularFile && Place(member.Name, within, staging) is { } target)
            {
                member.ExtractToFile(target, overwrite: false);
            }
        }
    }

    /// <summary>Where a member goes; <see langword="null"/>: nowhere.</summary>
    private static string? Place(string member, string within, string staging)
    {
        if (!member.StartsWith(within, StringComparison.Ordinal) || member.Length == within.Length)
        {
            return null;
        }
        var target = Path.GetFullPath(Path.Combine(staging, member[within.Length..]));
        if (!target.StartsWith(staging + Path.DirectorySeparatorChar, StringComparison.Ordinal))
        {
            throw new InvalidDataException($"it would write '{member}' outside the folder");
        }
        Directory.CreateDirectory(Path.GetDirectoryName(target)!);
        return target;
    }
}

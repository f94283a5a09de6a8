namespace Granary.Models.Data;

/// <summary>What tells a file that was changed from the one that was read before, without reading it.</summary>
internal static class FileStamp
{
    /// <summary>Paths, sizes and times of all the files together; a null is none.</summary>
    public static string Of(IEnumerable<string?> paths) =>
        string.Join('\n', paths.OfType<string>().Select(path => new FileInfo(path)).Select(file => $"{file.FullName} {file.Length} {file.LastWriteTimeUtc.Ticks}"));
}

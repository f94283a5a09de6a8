namespace Granary.Training.Files;

/// <summary>Shows whether a file has changed since it was read, without reading it again.</summary>
public readonly record struct FileStamp(long Length, DateTime Written)
{
    /// <inheritdoc/>
    public override string ToString() => $"{Length} {Written.Ticks}";

    /// <exception cref="FileNotFoundException"/>
    public static FileStamp Of(string path)
    {
        var info = new FileInfo(path);
        // A link's own length is that of its text.
        var file = info.ResolveLinkTarget(returnFinalTarget: true) as FileInfo ?? info;
        return new(file.Length, file.LastWriteTimeUtc);
    }
}

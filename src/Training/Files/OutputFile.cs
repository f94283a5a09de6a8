namespace Granary.Training.Files;

/// <summary>A file cannot be written. The message names the option and the path.</summary>
public sealed class OutputFileException(string message, Exception inner) : IOException(message, inner);

/// <summary>A file for a result, looked at before the work that makes the result.</summary>
public static class OutputFile
{
    /// <summary>Makes its folder. What the file holds already stays as it is.</summary>
    /// <param name="option">What named the file, for the message.</param>
    /// <exception cref="OutputFileException"/>
    public static void Check(string option, string path)
    {
        try
        {
            if (Directory.Exists(path))
            {
                throw new IOException("It is a folder.");
            }
            var file = new FileInfo(path);
            file.Directory!.Create();
            var isNew = !file.Exists;
            using (file.Open(FileMode.OpenOrCreate, FileAccess.Write, FileShare.ReadWrite))
            {
            }
            if (isNew)
            {
                file.Delete();
            }
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new OutputFileException($"{option} {path} cannot be written: {error.Message}", error);
        }
    }

    /// <summary>Writes a file beside its place first: what is there is whole, or as it was.</summary>
    /// <exception cref="IOException"/>
    public static void Write(string path, Action<Stream> write)
    {
        var unfinished = $"{path}.part";
        try
        {
            using (var stream = File.Create(unfinished))
            {
                write(stream);
            }
            File.Move(unfinished, path, overwrite: true);
        }
        catch
        {
            File.Delete(unfinished);
            throw;
        }
    }
}

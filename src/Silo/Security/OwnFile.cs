using System.Text;
using Granary.Training.Wording;

namespace Granary.Silo.Security;

/// <summary>Small files that only their owner is to read.</summary>
public static class OwnFile
{
    private const UnixFileMode Owner = UnixFileMode.UserRead | UnixFileMode.UserWrite;
    private const UnixFileMode Others = UnixFileMode.GroupRead | UnixFileMode.GroupWrite | UnixFileMode.OtherRead | UnixFileMode.OtherWrite;

    /// <summary>A file that is there keeps its owner and who may read it, as another user's silo may: it is written over in place.</summary>
    /// <exception cref="UserErrorException"/>
    public static void Write(string path, string text)
    {
        try
        {
            var folder = Path.GetDirectoryName(Path.GetFullPath(path))!;
            if (!Directory.Exists(folder))
            {
                CreateFolder(folder);
            }
            var options = new FileStreamOptions { Mode = FileMode.OpenOrCreate, Access = FileAccess.Write };
            if (!OperatingSystem.IsWindows())
            {
                options.UnixCreateMode = Owner;
            }
            using var file = new FileStream(path, options);
            // First the new text, then the new length: whoever reads meanwhile finds too much, never too little.
            file.Write(Encoding.UTF8.GetBytes(text));
            file.Flush(flushToDisk: true);
            file.SetLength(file.Position);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new UserErrorException($"{path} cannot be written: {error.Message}", error);
        }
    }

    /// <exception cref="UserErrorException"/>
    public static string ReadText(string path)
    {
        try
        {
            return File.ReadAllText(path);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new UserErrorException($"{path} cannot be read: {error.Message}", error);
        }
    }

    /// <summary>The text of a file that holds secrets.</summary>
    /// <exception cref="UserErrorException">It cannot be read, or others than its owner can read it, too.</exception>
    public static string ReadSecret(string path) => OperatingSystem.IsWindows() || !File.Exists(path) || (File.GetUnixFileMode(path) & Others) == 0
        ? ReadText(path)
        : throw new UserErrorException($"Others than its owner can read {path}, which holds secrets: chmod 600 {path}");

    private static void CreateFolder(string path)
    {
        if (OperatingSystem.IsWindows())
        {
            Directory.CreateDirectory(path);
        }
        else
        {
            Directory.CreateDirectory(path, Owner | UnixFileMode.UserExecute);
        }
    }
}

using System.Text;

namespace Granary.Training.Files;

/// <summary>The last lines of a file that only grows, however long it is.</summary>
public static class FileEnd
{
    /// <param name="bytes">To be read at most: a line that began before them is left out.</param>
    /// <exception cref="IOException">The file cannot be read.</exception>
    public static IReadOnlyList<string> Lines(string path, int bytes)
    {
        using var file = RegularFile.Open(path);
        // One more: by it one can tell whether the first line is whole.
        var start = Math.Max(0, file.Length - bytes - 1);
        file.Position = start;
        var content = new byte[Math.Min(file.Length - start, bytes + 1)];
        var length = file.ReadAtLeast(content, content.Length, throwOnEndOfStream: false);
        var lines = Encoding.UTF8.GetString(content, 0, length).Split('\n');
        return start > 0 ? lines[1..] : lines;
    }
}

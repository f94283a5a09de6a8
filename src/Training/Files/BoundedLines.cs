using System.Text;

namespace Granary.Training.Files;

/// <summary>The lines of a text one after another, in bounded memory however long they are.</summary>
public static class BoundedLines
{
    /// <param name="text">Read as far as lines are asked for.</param>
    /// <param name="longest">Characters of a line that are kept; a longer line has one character more, by which it can be told.</param>
    public static IEnumerable<string> Read(TextReader text, int longest)
    {
        var buffer = new char[1 << 14];
        var line = new StringBuilder();
        var hasLine = false;
        for (int read; (read = text.Read(buffer)) > 0;)
        {
            for (var start = 0; start < read;)
            {
                var end = Array.IndexOf(buffer, '\n', start, read - start);
                line.Append(buffer, start, Math.Min((end < 0 ? read : end) - start, longest + 1 - line.Length));
                hasLine = end < 0;
                start = hasLine ? read : end + 1;
                if (!hasLine)
                {
                    yield return Take(line);
                }
            }
        }
        if (hasLine)
        {
            yield return Take(line);
        }
    }

    private static string Take(StringBuilder line)
    {
        var taken = line.ToString().TrimEnd('\r');
        line.Clear();
        return taken;
    }
}

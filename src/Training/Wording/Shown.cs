namespace Granary.Training.Wording;

/// <summary>Texts that others have written, as they may stand in messages, logs and lists of events.</summary>
public static class Shown
{
    private const int LongestValue = 80, LongestLine = 400;

    /// <summary>A value that somebody gave: without control characters, and cut if it is long.</summary>
    public static string Value(string text)
    {
        var plain = string.Concat(text.Take(LongestValue).Select(letter => char.IsControl(letter) ? '?' : letter));
        return text.Length > LongestValue ? plain + "..." : plain;
    }

    /// <summary>A message that repeats what a file says: on one line, without signs that steer a terminal.</summary>
    public static string OneLine(string text) => text.Any(char.IsControl) ? string.Concat(text.Select(letter => char.IsControl(letter) ? ' ' : letter)) : text;

    /// <summary>The first line of a message, cut if it is very long.</summary>
    public static string Line(string text)
    {
        var line = text.AsSpan().Trim();
        line = line[..(line.IndexOfAny('\r', '\n') is >= 0 and var end ? end : line.Length)];
        return line.Length > LongestLine ? $"{line[..LongestLine]}..." : line.ToString();
    }
}

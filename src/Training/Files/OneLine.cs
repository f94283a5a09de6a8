namespace Granary.Training.Files;

/// <summary>For messages that repeat what a file says.</summary>
public static class OneLine
{
    /// <summary>The text on one line, without signs that steer a terminal.</summary>
    public static string Of(string text) => text.Any(char.IsControl) ? string.Create(text.Length, text, (line, from) =>
    {
        for (var i = 0; i < line.Length; i++)
        {
            line[i] = char.IsControl(from[i]) ? ' ' : from[i];
        }
    }) : text;
}

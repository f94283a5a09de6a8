using Spectre.Console;
using Spectre.Console.Rendering;

namespace Granary.Client.Views;

/// <summary>Where tables go: a terminal of some width, or a pipe or file, which has none.</summary>
internal static class Screen
{
    private const int Endless = 1_000_000, Least = 10;

    /// <summary>Wrapped in a terminal; elsewhere whole, and without the blanks that fill a terminal's lines.</summary>
    public static void Write(IRenderable content)
    {
        if (!Console.IsOutputRedirected)
        {
            AnsiConsole.Write(content);
            return;
        }
        foreach (var line in Plain(content).Split('\n'))
        {
            Console.WriteLine(line);
        }
    }

    /// <summary>Columns; without end where there is no terminal.</summary>
    public static int Width => Console.IsOutputRedirected ? Endless : AnsiConsole.Profile.Width;

    /// <summary>The text as it is, or cut to the columns that others leave it.</summary>
    public static string Fit(string text, int width, int others)
    {
        var most = Math.Max(Least, width - others);
        return text.Length <= most ? text : text[..(most - 1)].TrimEnd() + "…";
    }

    /// <summary>As it is written where there is no terminal.</summary>
    /// <param name="width">Where lines are broken. Default: nowhere.</param>
    internal static string Plain(IRenderable content, int width = Endless)
    {
        using var text = new StringWriter();
        var console = AnsiConsole.Create(new() { Ansi = AnsiSupport.No, ColorSystem = ColorSystemSupport.NoColors, Interactive = InteractionSupport.No, Out = new AnsiConsoleOutput(text) });
        console.Profile.Width = width;
        console.Write(content);
        return string.Join('\n', text.ToString().TrimEnd().Split('\n').Select(line => line.TrimEnd()));
    }
}

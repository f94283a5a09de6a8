using Spectre.Console;
using Spectre.Console.Rendering;

namespace Granary.Client.Views;

/// <summary>Where tables go: a terminal of some width, or a pipe or file, which has none.</summary>
internal static class Screen
{
    private const int Endless = 1_000_000, Least = 20;

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

    /// <summary>The text as it is; in a terminal cut to the columns that others leave it.</summary>
    public static string Fit(string text, int others) => Fit(text, Console.IsOutputRedirected ? Endless : AnsiConsole.Profile.Width, others);

    internal static string Fit(string text, int width, int others)
    {
        var most = Math.Max(Least, width - others);
        return text.Length <= most ? text : text[..(most - 1)].TrimEnd() + "…";
    }

    internal static string Plain(IRenderable content)
    {
        using var text = new StringWriter();
        var console = AnsiConsole.Create(new() { Ansi = AnsiSupport.No, ColorSystem = ColorSystemSupport.NoColors, Interactive = InteractionSupport.No, Out = new AnsiConsoleOutput(text) });
        console.Profile.Width = Endless;
        console.Write(content);
        return string.Join('\n', text.ToString().TrimEnd().Split('\n').Select(line => line.TrimEnd()));
    }
}

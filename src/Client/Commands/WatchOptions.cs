using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;
using Granary.Client.Sessions;
using Granary.Training.Files;
using Granary.Training.Wording;

namespace Granary.Client.Commands;

/// <summary>How a command watches a run; the same for all that do.</summary>
internal sealed class WatchOptions
{
    private readonly Option<bool>? wait;
    private readonly Option<string?> summary = new("--summary") { Description = "Write the result as JSON into this file." };
    private readonly Option<bool> quiet = new("--quiet") { Description = "Say nothing but errors." };
    private readonly Option<TimeSpan> patience = new("--patience")
    {
        Description = "How long to go on trying when the server does not answer, such as 90s, 5m or 2h.",
        DefaultValueFactory = _ => TimeSpan.FromMinutes(5),
        CustomParser = ReadTime,
    };

    /// <param name="waitsFor">What <c>--wait</c> waits for. Default: the command watches in any case.</param>
    public WatchOptions(Command command, string? waitsFor = null)
    {
        wait = waitsFor is null ? null : new("--wait") { Description = $"Watch the run until {waitsFor}." };
        foreach (var option in new Option?[] { wait, summary, quiet, patience }.OfType<Option>())
        {
            command.Options.Add(option);
        }
    }

    /// <summary>What was asked for, for a command that watches in any case.</summary>
    /// <exception cref="OutputFileException">The summary could not be written in the end.</exception>
    public Watching Read(ParseResult parsed)
    {
        if (parsed.GetValue(summary) is { } path)
        {
            OutputFile.Check(summary.Name, path);
        }
        return new(parsed.GetValue(quiet), parsed.GetValue(summary), parsed.GetValue(patience));
    }

    /// <summary>What was asked for; <see langword="null"/>: not to wait.</summary>
    /// <exception cref="UserErrorException">Options that are of no use without <c>--wait</c>.</exception>
    /// <exception cref="OutputFileException">The summary could not be written in the end.</exception>
    public Watching? ReadIfWaiting(ParseResult parsed)
    {
        if (parsed.GetValue(wait!))
        {
            return Read(parsed);
        }
        return new Option[] { summary, quiet, patience }.FirstOrDefault(option => parsed.GetResult(option) is { Implicit: false }) is { } useless
            ? throw new UserErrorException($"{useless.Name} is of no use without --wait.")
            : null;
    }

    private static TimeSpan ReadTime(ArgumentResult result)
    {
        var text = result.Tokens.Count == 1 ? result.Tokens[0].Value : "";
        var unit = text.Length == 0 ? 0 : text[^1] switch { 's' => 1, 'm' => 60, 'h' => 3600, _ => 0 };
        if (unit == 0 || !int.TryParse(text[..^1], NumberStyles.None, CultureInfo.InvariantCulture, out var number))
        {
            result.AddError("a whole number and its unit, such as 90s, 5m or 2h");
            return default;
        }
        return TimeSpan.FromSeconds((double)number * unit);
    }
}

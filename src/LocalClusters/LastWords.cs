using System.Text.RegularExpressions;

namespace Granary.LocalClusters;

/// <summary>Why a process of ours has ended, out of all that it has written.</summary>
internal static partial class LastWords
{
    private const string Ours = "granary: ";

    /// <summary>What it said last to a user; or else the message it crashed with, the last error in its log, its last lines.</summary>
    public static string Of(IEnumerable<string> lines)
    {
        var said = lines.Where(line => line.Length > 0).ToList();
        return said.LastOrDefault(line => line.StartsWith(Ours, StringComparison.Ordinal)) is { } ours ? ours[Ours.Length..]
            : said.Select(line => Crash().Match(line)).LastOrDefault(match => match.Success) is { } crash ? crash.Groups[1].Value
            : said.Select(line => Error().Match(line)).LastOrDefault(match => match.Success) is { } error ? error.Groups[1].Value
            : said.Count > 0 ? string.Join(' ', said.TakeLast(3))
            : "it said nothing.";
    }

    [GeneratedRegex(@"^Unhandled exception\. [\w.]+(?: \(\d+\))?: (.+)$")]
    private static partial Regex Crash();

    [GeneratedRegex(@"^\S+ (?:fail|crit): \S+ (.+)$")]
    private static partial Regex Error();
}

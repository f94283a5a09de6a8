using System.Globalization;
using Granary.Silo.Settings;

namespace Granary.Silo;

/// <summary>How many files and connections the system lets a process have open.</summary>
internal static class OpenFiles
{
    /// <summary>An idle silo has 300 of them; strangers and peers at its ports, and the files of a run, come on top.</summary>
    public const long Needed = 1024;

    /// <summary>How to have as many.</summary>
    public static readonly string Cure = $"Raise the limit: ulimit -n {Needed}.";

    private const string Limits = "/proc/self/limits", Line = "Max open files";

    /// <summary><see langword="null"/>: there is none, or the system does not tell.</summary>
    public static long? Limit => File.Exists(Limits) ? LimitOf(File.ReadLines(Limits)) : null;

    /// <summary>With too few, anything may fail, from a missing assembly to a broken connection.</summary>
    /// <exception cref="ClusterStartException"/>
    public static void Check()
    {
        if (Limit is { } limit && limit < Needed)
        {
            throw new ClusterStartException($"This process may have {limit} files and connections open, and a silo needs {Needed}. {Cure}");
        }
    }

    private static long? LimitOf(IEnumerable<string> lines) =>
        lines.First(line => line.StartsWith(Line, StringComparison.Ordinal))[Line.Length..].Split(' ', StringSplitOptions.RemoveEmptyEntries) is [var soft, ..]
        && long.TryParse(soft, CultureInfo.InvariantCulture, out var limit) ? limit : null;
}

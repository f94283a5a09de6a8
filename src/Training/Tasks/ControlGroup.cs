using System.Globalization;

namespace Granary.Training.Tasks;

/// <summary>
/// The Linux control groups of this process, which a container, a batch system or systemd has put it into: how much memory they allow, and whether
/// that was too little. Of both versions; where there are none, nothing is known.
/// </summary>
/// <param name="root">Where they are mounted.</param>
/// <param name="membership">The file that says which of them the process belongs to.</param>
public sealed class ControlGroup(string root = "/sys/fs/cgroup", string membership = "/proc/self/cgroup")
{
    // Version 1 has a number for no limit.
    private const long Unlimited = 1L << 60;
    private const string Kills = "oom_kill";

    // A line is hierarchy:controllers:path; version 2 names no controllers.
    private const int Controllers = 1, Path = 2;

    /// <summary>Bytes that the process may take with all that share its groups; <see langword="null"/>: as many as there are.</summary>
    public long? Limit => Tightest?.Limit;

    /// <summary>Bytes that are taken of <see cref="Limit"/>, without files that the kernel would give up; <see langword="null"/>: there is no limit.</summary>
    public long? Used => Tightest is var (folder, _)
        ? (Number(folder, "memory.current") ?? Number(folder, "memory.usage_in_bytes")) - (Counter(folder, "memory.stat", "total_inactive_file") ?? Counter(folder, "memory.stat", "inactive_file") ?? 0)
        : null;

    /// <summary>How many processes of the group the kernel has ended for want of memory; <see langword="null"/>: it does not tell.</summary>
    public long? Ended => Folders.SelectMany(folder => new[] { Counter(folder, "memory.events", Kills), Counter(folder, "memory.oom_control", Kills) }).FirstOrDefault(count => count is not null);

    private (string Folder, long Limit)? Tightest => Folders
        .Select(folder => (Folder: folder, Limit: Number(folder, "memory.max") ?? Number(folder, "memory.limit_in_bytes") ?? Unlimited))
        .Where(group => group.Limit < Unlimited).OrderBy(group => group.Limit).Select(group => ((string, long)?)group).FirstOrDefault();

    /// <summary>The innermost first. A container sees its own group as the root, whatever the membership says.</summary>
    private IEnumerable<string> Folders
    {
        get
        {
            foreach (var line in Lines(membership).Select(line => line.Split(':', 3)).Where(line => line.Length > Path && line[Controllers] is "" or "memory"))
            {
                var top = line[Controllers].Length == 0 ? root : System.IO.Path.Combine(root, line[Controllers]);
                for (var path = line[Path].TrimEnd('/'); path.Length > 0; path = path[..path.LastIndexOf('/')])
                {
                    yield return top + path;
                }
                yield return top;
            }
        }
    }

    private static long? Number(string folder, string file) => Lines(System.IO.Path.Combine(folder, file)).Select(Parse).FirstOrDefault();

    private static long? Counter(string folder, string file, string name) =>
        Lines(System.IO.Path.Combine(folder, file)).Select(line => line.Split(' ')).Where(line => line[0] == name).Select(line => Parse(line[^1])).FirstOrDefault();

    private static long? Parse(string text) => long.TryParse(text, CultureInfo.InvariantCulture, out var number) ? number : null;

    private static string[] Lines(string file)
    {
        try
        {
            return File.Exists(file) ? File.ReadAllLines(file) : [];
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return [];
        }
    }
}

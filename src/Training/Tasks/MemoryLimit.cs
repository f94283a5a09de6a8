using System.Globalization;

namespace Granary.Training.Tasks;

/// <summary>Compares the memory that a process may take with what a run will need, before the system ends the process without a word.</summary>
public static class MemoryLimit
{
    // Version 1 of control groups has a number for no limit.
    private const long Unlimited = 1L << 60;
    private static readonly string[] groups = ["/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"];

    /// <summary>The container's limit, or what the machine has.</summary>
    public static long OfProcess { get; } = Read();

    /// <param name="needs">What needs memory, and how many bytes.</param>
    /// <param name="limit">Bytes.</param>
    /// <param name="place">Whose they are. Default: the process's.</param>
    /// <exception cref="InsufficientMemoryException">It cannot fit.</exception>
    public static void Check(IReadOnlyList<(string What, long Bytes)> needs, long limit, string place = "this process")
    {
        var needed = needs.Sum(need => need.Bytes);
        if (needed > limit)
        {
            throw new InsufficientMemoryException(
                $"The run needs at least {Size(needed)} of memory in each slot ({string.Join(" + ", needs.Select(need => $"{need.What} {Size(need.Bytes)}"))}), and {place} may have {Size(limit)}. Give it more, or train a smaller model.");
        }
    }

    private static string Size(long bytes)
    {
        const double Mebi = 1 << 20, Gibi = 1 << 30;
        return bytes < Gibi ? FormattableString.Invariant($"{bytes / Mebi:0.#} MiB") : FormattableString.Invariant($"{bytes / Gibi:0.#} GiB");
    }

    private static long Read() =>
        groups.Select(LimitOf).OfType<long>().Where(limit => limit < Unlimited).DefaultIfEmpty(GC.GetGCMemoryInfo().TotalAvailableMemoryBytes).Min();

    private static long? LimitOf(string group)
    {
        try
        {
            return File.Exists(group) && long.TryParse(File.ReadAllText(group), CultureInfo.InvariantCulture, out var limit) ? limit : null;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }
}

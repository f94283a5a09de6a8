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

    /// <param name="needed">Bytes.</param>
    /// <param name="limit">Bytes. Default: <see cref="OfProcess"/>.</param>
    /// <exception cref="InsufficientMemoryException">It cannot fit.</exception>
    public static void Check(long needed, long? limit = null)
    {
        if (needed > (limit ?? OfProcess))
        {
            throw new InsufficientMemoryException(string.Create(CultureInfo.InvariantCulture,
                $"The run needs about {needed >> 20:N0} MiB of memory in each slot (model, gradients, optimizer, a copy for checkpoints), and this process may have {(limit ?? OfProcess) >> 20:N0} MiB. Give it more, or train a smaller model."));
        }
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

namespace Granary.Training.Tasks;

/// <summary>Compares the memory that a process may take with what a run will need, before the system ends the process without a word.</summary>
public static class MemoryLimit
{
    /// <summary>The container's limit, or what the machine has.</summary>
    public static long OfProcess { get; } = new ControlGroup().Limit ?? GC.GetGCMemoryInfo().TotalAvailableMemoryBytes;

    /// <summary>Bytes of it that are taken.</summary>
    public static long Used => Math.Max(new ControlGroup().Used ?? 0, Environment.WorkingSet);

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

    /// <summary>Such as 1.5 GiB.</summary>
    public static string Size(long bytes)
    {
        const double Mebi = 1 << 20, Gibi = 1 << 30;
        return bytes < Gibi ? FormattableString.Invariant($"{bytes / Mebi:0.#} MiB") : FormattableString.Invariant($"{bytes / Gibi:0.#} GiB");
    }
}

using Granary.Contracts;
using Granary.Training.Tasks;

namespace Granary.Grains.Coordinator;

/// <summary>Whether a silo is gone because the kernel ended it for want of memory, of which it could not say a word any more. A pure function.</summary>
internal static class MemoryRule
{
    // A silo tells twice a second, and what it takes then comes within moments.
    private const double Suspicious = 0.75;

    /// <param name="last">What it has told of itself last.</param>
    /// <returns>What is likely, in a sentence; <see langword="null"/>: it had enough.</returns>
    public static string? Suspect(NodeInfo last) => last.MemoryLimit > 0 && last.MemoryUsed >= last.MemoryLimit * Suspicious
        ? $"{last.Name} took {MemoryLimit.Size(last.MemoryUsed)} of the {MemoryLimit.Size(last.MemoryLimit)} that it may take when it was last heard: the kernel may have ended it (exit code 137). Give it more memory, or train a smaller model."
        : null;
}

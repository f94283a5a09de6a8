using Granary.Contracts;

namespace Granary.Grains.Cluster;

/// <summary>Which nodes may train a run: those whose programs have its versions. Another version may compute other bits. Pure.</summary>
internal static class VersionRule
{
    /// <summary>What is different at those that could train it: one without slots is not missed.</summary>
    public static List<string> Differences(IEnumerable<NodeInfo> nodes, IReadOnlyDictionary<string, string> wanted) =>
        [.. nodes.Where(node => node.Slots > 0).Select(node => Difference(node, wanted)).OfType<string>()];

    /// <summary>What is different at the node, for a sentence; <see langword="null"/>: nothing is.</summary>
    public static string? Difference(NodeInfo node, IReadOnlyDictionary<string, string> wanted)
    {
        var differences = wanted
            .Where(version => node.Versions.GetValueOrDefault(version.Key) != version.Value)
            .OrderBy(version => version.Key, StringComparer.Ordinal)
            .Select(version => $"{version.Key} {node.Versions.GetValueOrDefault(version.Key) ?? "unknown"} instead of {version.Value}")
            .ToList();
        return differences.Count == 0 ? null : $"{node.Name} has {string.Join(", ", differences)}";
    }
}

using Granary.Grains.Nodes;

namespace Granary.Silo.Settings;

/// <summary>A silo that other machines reach does not read and write for them wherever its user may.</summary>
internal static class RootRule
{
    private const string Data = $"{NodeOptions.Section}:{nameof(NodeOptions.DataRoot)}", Runs = $"{NodeOptions.Section}:{nameof(NodeOptions.RunRoot)}";

    /// <param name="mustBeThere">Whether others reach the silo than this machine's own processes, or the program that it is attached to.</param>
    /// <exception cref="ClusterStartException"/>
    public static void Check(NodeOptions node, bool mustBeThere)
    {
        (string Setting, string Folder)[] roots = [(Data, node.DataRoot), (Runs, node.RunRoot)];
        var missing = roots.Where(root => root.Folder.Length == 0).ToList();
        if (missing.Count == 1)
        {
            throw new ClusterStartException($"{Data} and {Runs} go together: set {missing[0].Setting}, too.");
        }
        if (missing.Count == 2 && mustBeThere)
        {
            throw new ClusterStartException($"Other machines reach this silo, and {Data} and {Runs} are not set: name the folder that runs read below, such as /data, and the one that they write below, such as /runs.");
        }
        foreach (var (setting, folder) in roots.Except(missing).Where(root => !Directory.Exists(root.Folder)))
        {
            throw new ClusterStartException($"{setting} is '{folder}', and there is no such folder: make it, or name another.");
        }
    }
}

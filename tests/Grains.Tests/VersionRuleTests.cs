using Granary.Contracts;
using Granary.Grains.Cluster;

namespace Granary.Grains.Tests;

public sealed class VersionRuleTests
{
    private static readonly Dictionary<string, string> wanted = new() { ["granary"] = "0.1.0", ["torchsharp"] = "0.107.0" };

    [Fact]
    public void Nodes_OfAnotherVersion_AreNamedWithBothVersionsIfTheyHaveSlots() => Assert.Equal(
        ["worker-1 has granary 0.1.1 instead of 0.1.0"],
        VersionRule.Differences([Node("worker-0", "0.1.0", 1), Node("worker-1", "0.1.1", 1), Node("control", "0.1.1", 0)], wanted));

    private static NodeInfo Node(string name, string version, int slots) =>
        new(name, $"{name}@1", default, "", 0, slots) { Versions = new() { ["granary"] = version, ["torchsharp"] = "0.107.0" } };
}

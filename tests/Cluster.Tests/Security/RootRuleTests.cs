using Granary.Grains.Nodes;
using Granary.Silo.Settings;

namespace Granary.Cluster.Tests.Security;

public sealed class RootRuleTests
{
    private const string Here = "/tmp", Data = "Granary:Node:DataRoot", Runs = "Granary:Node:RunRoot";

    [Theory]
    [InlineData("", "", true, $"{Data} and {Runs} are not set")]
    [InlineData(Here, "", false, $"set {Runs}, too")]
    [InlineData("", Here, true, $"set {Data}, too")]
    [InlineData(Here, "/no/such/folder", false, $"{Runs} is '/no/such/folder', and there is no such folder")]
    public void Roots_ThatAreMissing_KeepASiloFromStarting(string data, string runs, bool mustBeThere, string expected) =>
        Assert.Contains(expected, Assert.Throws<ClusterStartException>(() => RootRule.Check(Node(data, runs), mustBeThere)).Message, StringComparison.Ordinal);

    [Theory]
    [InlineData("", "", false)]
    [InlineData(Here, Here, true)]
    public void Roots_BothOrNeitherOnLoopback_Do(string data, string runs, bool mustBeThere)
    {
        RootRule.Check(Node(data, runs), mustBeThere);
        Assert.Equal(data.Length > 0, Node(data, runs).Roots is not null);
    }

    /// <summary>Before it listens, or looks for its Redis.</summary>
    [Fact]
    public async Task Silo_ThatOthersReach_WithoutRoots_DoesNotStart()
    {
        var ended = await CommandLine.RunProcessAsync([("Granary__Cluster__AdvertisedAddress", "192.0.2.7"), ("Granary__Cluster__Redis", "127.0.0.1:1"), ("Granary__Security__AllowInsecure", "true")], "silo");
        Assert.Equal(1, ended.ExitCode);
        Assert.Contains($"{Data} and {Runs} are not set", ended.Error, StringComparison.Ordinal);
    }

    private static NodeOptions Node(string data, string runs) => new() { DataRoot = data, RunRoot = runs };
}

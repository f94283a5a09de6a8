using Granary.LocalClusters;

namespace Granary.Cluster.Tests;

public class FreePortsTests
{
    // Drawn at random, some of so many would be the same.
    [Fact]
    public void Ports_TakenAtTheSameTime_AreAllDifferent()
    {
        var taken = new int[200][];
        Parallel.For(0, taken.Length, take => taken[take] = FreePorts.Take(5));
        Assert.Equal(1000, taken.SelectMany(ports => ports).Distinct().Count());
    }
}

using Granary.Training.Tasks;

namespace Granary.Models.Tests;

public class TwoLayerTaskTests
{
    private static readonly TrainingSpec spec = new() { Task = "two-layer", Shards = 4 };

    [Fact]
    public void Training_For500Steps_LearnsTheBatchByHeart()
    {
        using var driver = new ReplicaDriver(new TwoLayerTask(), spec).Run(500);
        Assert.True(driver.Metrics["loss"] < 1e-3, $"loss {driver.Metrics["loss"]}");
    }

    [Fact]
    public void Training_LeavesNoTensorsBehind()
    {
        using var driver = new ReplicaDriver(new TwoLayerTask(), spec).Run(5);
        var live = ReplicaDriver.LiveTensors;
        driver.Run(15);
        Assert.Equal(live, ReplicaDriver.LiveTensors);
    }

    [Theory]
    [InlineData(2)]
    [InlineData(3)]
    public void Workers_WithUnevenShards_EqualOneWorker(int workers)
    {
        var uneven = spec with { Shards = 5 };
        using var one = new ReplicaDriver(new TwoLayerTask(), uneven).Run(5);
        using var several = new ReplicaDriver(new TwoLayerTask(), uneven, workers).Run(5);
        Assert.Equal(one.Hash, several.Hash);
    }
}

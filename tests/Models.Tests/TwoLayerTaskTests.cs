using Granary.Training.Tasks;

namespace Granary.Models.Tests;

public class TwoLayerTaskTests
{
    [Fact]
    public void Training_For500Steps_LearnsTheBatchByHeart()
    {
        using var driver = new ReplicaDriver(new TwoLayerTask(), new TrainingSpec { Task = "two-layer" });
        Assert.Equal(500, driver.Replica.TotalSteps);
        driver.Run(500);
        Assert.True(driver.Metrics["loss"] < 1e-3, $"loss {driver.Metrics["loss"]}");
    }
}

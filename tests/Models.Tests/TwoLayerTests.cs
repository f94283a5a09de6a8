using Granary.Testing;
using Granary.Torch;
using Granary.Training.Tasks;

namespace Granary.Models.Tests;

public class TwoLayerTests
{
    [Fact]
    public void Training_For500Steps_LearnsTheBatchByHeart()
    {
        using var driver = new Lockstep(LearnerTask.Of<TwoLayer>(), new TrainingSpec { Task = "two-layer" });
        Assert.Equal(500, driver.Replica.TotalSteps);
        driver.Run(500);
        Assert.True(driver.Metrics["loss"] < 1e-3, $"loss {driver.Metrics["loss"]}");
    }

    [Fact]
    public void Training_ByASchedule_FollowsItToTheEnd()
    {
        var spec = new TrainingSpec { Task = "two-layer", Steps = 10, Settings = new Dictionary<string, string> { ["schedule"] = "linear", ["warm-up"] = "2", ["learning-rate"] = "0.5" } };
        using var driver = new Lockstep(LearnerTask.Of<TwoLayer>(), spec);
        double[] rates = [.. Enumerable.Range(0, 10).Select(_ => driver.Run(1).Metrics[Metrics.LearningRate])];
        Assert.Equal([0.25, 0.5, 0.5, 0.4375, 0.375, 0.3125, 0.25, 0.1875, 0.125, 0.0625], rates);
        Assert.True(LearnerTask.Of<TwoLayer>().EndMatters(spec));
        Assert.False(LearnerTask.Of<TwoLayer>().EndMatters(new TrainingSpec { Task = "two-layer" }));
    }
}

using Granary.Testing;
using Granary.Torch;
using Granary.Training.Tasks;

namespace Granary.Models.Tests;

public class FizzBuzzTests
{
    [Theory]
    [InlineData(1, 4)]
    [InlineData(2, 1)]
    public void Training_WithDefaults_IsRightOnAllNumbersItHasNeverSeen(ulong seed, int shards)
    {
        using var driver = new Lockstep(LearnerTask.Of<FizzBuzz>(), new TrainingSpec { Task = "fizzbuzz", Seed = seed, Shards = shards });
        driver.Run(driver.Replica.TotalSteps);
        Assert.Equal(1, driver.Evaluate()[driver.Replica.Measure.Metric]);
    }

    [Fact]
    public void Shards_MoreThanABatchHasNumbers_AreLeftEmpty()
    {
        var spec = new TrainingSpec { Task = "fizzbuzz", Shards = 5, Settings = new Dictionary<string, string> { ["batch"] = "3" } };
        using var driver = new Lockstep(LearnerTask.Of<FizzBuzz>(), spec, workers: 2).Run(2);
        Assert.Equal(3, driver.Metrics["samples"]);
        Assert.True(double.IsFinite(driver.Metrics["loss"]));
    }
}

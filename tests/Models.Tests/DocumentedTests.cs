using Granary.Testing;
using Granary.Torch;

namespace Granary.Models.Tests;

/// <summary>The code that docs/add-a-task.md shows, as a reader would write it.</summary>
public class DocumentedTests
{
    [Fact]
    public async Task Model_IsTrainedInThisProcess()
    {
        using var fitted = await Fit.RunAsync<FizzBuzz>(spec => spec with { Steps = 200 }, workers: 2);
        Console.WriteLine($"accuracy {fitted.Evaluate()["validation.accuracy"]}, weights {fitted.WeightsHash}");
        Assert.True(fitted.Evaluate()["validation.accuracy"] > 0.5);
    }

    [Fact]
    public void Model_KeepsItsPromises() => TaskPromises.Check<FizzBuzz>(spec => spec with { Settings = new Dictionary<string, string> { ["hidden"] = "50" } });
}

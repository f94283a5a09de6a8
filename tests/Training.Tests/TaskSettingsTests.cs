using Granary.Tests.Fakes;
using Granary.Training.Tasks;

namespace Granary.Training.Tests;

public class TaskSettingsTests
{
    private static readonly PointsTask task = new();

    [Theory]
    [InlineData("sise", "3", "Task 'points' has no setting 'sise'. It has: asset, batch, condition, failing-step, poisoned-step, rows, size, stuck-step, validate, watched.")]
    [InlineData("size", "many", "Setting 'size' cannot be 'many': it takes whole number, at least 1. Default: 1000.")]
    [InlineData("size", "0", "Setting 'size' cannot be '0': it takes whole number, at least 1. Default: 1000.")]
    [InlineData("condition", "bad", "Setting 'condition' cannot be 'bad': it takes good or missing or stuck. Default: good.")]
    public void Setting_ThatIsUnknownOrDoesNotFit_IsNamedWithItsRangeAndDefault(string name, string value, string message) =>
        Assert.Equal(message, Assert.Throws<TaskSettingException>(() => TaskSettings.Complete(task, new Dictionary<string, string> { [name] = value })).Message);

    [Fact]
    public void Complete_FillsInTheDefaults()
    {
        var settings = TaskSettings.Complete(task, new Dictionary<string, string> { ["batch"] = "5" });
        Assert.Equal("5", settings["batch"]);
        Assert.Equal("1000", settings["size"]);
    }

    [Fact]
    public void Catalog_AskedForAnUnknownTask_ListsTheKnown()
    {
        var error = Assert.Throws<UnknownTaskException>(() => new TaskCatalog([task])["poinst"]);
        Assert.Equal("No training task is named 'poinst'. Known: points.", error.Message);
    }
}

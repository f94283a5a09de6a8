using Granary.Contracts;
using Granary.Tests.Fakes;
using Granary.Training.Runs;
using Granary.Training.TensorBoard;

namespace Granary.Grains.Tests;

/// <summary>What TensorBoard shows of runs, read back from their event files.</summary>
public sealed class TensorBoardTests(TestTrainingCluster cluster) : IClassFixture<TestTrainingCluster>
{
    [Fact]
    public async Task Run_ThatHasEnded_ShowsItsHistoryItsSamplesItsSpecAndItsWeights()
    {
        var plain = await cluster.RunAsync(cluster.Spec(2));
        var spec = cluster.Spec(2) with { HistogramsEvery = 5 };
        var ended = await cluster.RunAsync(spec);
        Assert.Equal((RunState.Succeeded, plain.WeightsSha256), (ended.State, ended.WeightsSha256));
        ShowsItsHistory(spec);
        var shown = EventFiles.Shown(spec.Output);
        var texts = shown.Where(entry => entry.Value.Tag == "samples/text").ToList();
        Assert.Equal([1L, 5, 9, 13, 17], texts.Select(entry => entry.Step));
        Assert.Equal("    " + File.ReadAllText(Path.Combine(spec.Output, "samples", "step-00000017.txt")), texts[^1].Value.Markdown);
        var histograms = shown.Where(entry => entry.Value.Histogram is not null).Select(entry => (entry.Step, entry.Value.Tag, entry.Value.Histogram!.Value.Count));
        Assert.Equal(new long[] { 5, 10, 15, 20 }.SelectMany(step => new[] { (step, "weights/weights", 1000.0), (step, "weights/table", 250.0) }), histograms);
        Assert.Contains("| histograms\\_every | 5 |", shown.First(entry => entry.Value.Tag == "spec").Value.Markdown);
    }

    [Fact]
    public async Task Run_ThatRepeatsStepsAfterAResumption_ShowsEachOnce()
    {
        var spec = cluster.Spec(2) with { Steps = 13, CheckpointEvery = 5 };
        await cluster.RunAsync(spec);
        Directory.Delete(Path.Combine(spec.Output, "checkpoints", "00000013"), recursive: true);
        await cluster.RunAsync(spec with { RunId = spec.RunId + "-resumed", Steps = 20, Resume = true });
        var files = EventFiles.Of(spec.Output).Select(path => EventFiles.Read(path).ToList()).ToList();
        Assert.Equal([1L, 11], files.Select(events => events.Single(entry => entry.Session == 1).Step));
        Assert.Contains(files[0], entry => entry.Step == 13);
        ShowsItsHistory(spec);
    }

    [Fact]
    public async Task Run_WhoseEventFilesCannotBeWritten_SaysSoOnceAndEndsWithTheSameWeights()
    {
        var whole = await cluster.RunAsync(cluster.Spec(2));
        var spec = cluster.Spec(2) with { Steps = 10 };
        await cluster.RunAsync(spec);
        var folder = Path.Combine(spec.Output, TensorBoardLog.Folder);
        Directory.Delete(folder, recursive: true);
        File.WriteAllText(folder, "in the way");
        spec = spec with { RunId = spec.RunId + "-resumed", Steps = 20, Resume = true, CheckpointEvery = 1 };
        var ended = await cluster.RunAsync(spec);
        Assert.Equal((RunState.Succeeded, whole.WeightsSha256), (ended.State, ended.WeightsSha256));
        Assert.Single(await cluster.MessagesAsync(spec), message => message.StartsWith("The event files for TensorBoard cannot be written: ", StringComparison.Ordinal));
    }

    private static void ShowsItsHistory(RunSpec spec)
    {
        var history = RunHistory.Read(spec.Output).SelectMany(point => point.Metrics.Select(metric => (point.Step, metric.Key, (float)metric.Value))).ToList();
        Assert.Equal(20L, history[^1].Step);
        Assert.Equal(history, EventFiles.Shown(spec.Output).Where(entry => entry.Value.Scalar is not null).Select(entry => (entry.Step, entry.Value.Tag, entry.Value.Scalar!.Value)));
    }
}

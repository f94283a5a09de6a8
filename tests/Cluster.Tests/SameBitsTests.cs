using Granary.Training.Runs;

namespace Granary.Cluster.Tests;

/// <summary>The promise: one spec, one set of weights, on however many workers and processes, stopped or not.</summary>
public sealed class SameBitsTests(Clusters clusters) : IClassFixture<Clusters>
{
    private static readonly Dictionary<string, RunSpec> specs = new[]
    {
        Spec("two-layer", 12),
        Spec("fizzbuzz", 12),
        Spec("word2vec", 12, ("batch", "1000"), ("dimension", "20")),
        Spec("lm", 12, ("batch", "13"), ("bptt", "5"), ("embedding", "24"), ("hidden", "24"), ("validate-every", "4"), ("valid-words", "2000")),
        Spec("gan", 12, ("batch", "21"), ("hidden", "32")),
        Spec("elmo", 12, ("batch", "13"), ("bptt", "5"), ("width", "16"), ("validate-every", "4"), ("valid-words", "2000")),
        Spec("sentiment", 12, ("model", "cnn"), ("batch", "21"), ("embedding", "16"), ("filters", "8"), ("validate-every", "4")),
    }.ToDictionary(spec => spec.Task);

    public static TheoryData<string> Tasks => new(specs.Keys);

    [Theory]
    [MemberData(nameof(Tasks))]
    public async Task Task_OnOneTwoThreeAndFiveWorkersInOneTwoAndThreeProcessesAndResumed_HasTheSameWeights(string task)
    {
        var spec = specs[task];
        var whole = await clusters.RunAsync(1, spec with { Workers = 1, CheckpointEvery = 5, Keep = 9 });
        var expected = whole.WeightsSha256;
        foreach (var (processes, workers) in new[] { (1, 2), (1, 3), (1, 5), (2, 2), (2, 5), (3, 3), (3, 5) })
        {
            var run = await clusters.RunAsync(processes, spec with { Workers = workers });
            Assert.True(run.WeightsSha256 == expected, $"{workers} workers in {processes} processes: {run.WeightsSha256} instead of {expected}");
            Assert.Equal(processes, run.Processes);
        }
        foreach (var (step, processes, workers) in new[] { (5, 1, 3), (10, 2, 2) })
        {
            var resumed = await clusters.RunAsync(processes, spec with { Workers = workers, Resume = true, Output = clusters.CopyCheckpoint(whole.Spec.Output, step) });
            Assert.True(resumed.WeightsSha256 == expected, $"resumed at step {step}: {resumed.WeightsSha256} instead of {expected}");
        }
    }

    private static RunSpec Spec(string task, long steps, params (string Name, string Value)[] settings) => new()
    {
        RunId = "",
        Output = "",
        Task = task,
        Shards = 8,
        Steps = steps,
        Settings = settings.ToDictionary(setting => setting.Name, setting => setting.Value),
    };
}

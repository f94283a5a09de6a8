using Granary.Training.Checkpoints;
using Granary.Training.Runs;

namespace Granary.Cluster.Tests;

/// <summary>The promise: one spec, one set of weights, on however many workers and processes, stopped or not.</summary>
public sealed class SameBitsTests(Clusters clusters) : IClassFixture<Clusters>
{
    // Settings so small that what counts is how often a step is exchanged.

    /// <summary>Of each kind one: sparse and dense frames, carries, buffers and phases, dropout, sentences of many lengths.</summary>
    public static TheoryData<string> Kinds =>
    [
        "two-layer",
        "word2vec batch=1000 dimension=20",
        "word2vec batch=1000 dimension=20 model=cbow subwords=true phrases=1 phrase-threshold=20",
        "word2vec batch=1000 dimension=20 loss=hierarchical",
        "lm batch=13 bptt=5 embedding=24 hidden=24 validate-every=4 valid-words=2000",
        "gpt batch=13 context=32 layers=1 heads=2 width=16 dropout=0.1 validate-every=6",
        "bert batch=13 context=32 layers=1 heads=2 width=16 dropout=0.1 tokens=pieces vocabulary=200 validate-every=6",
        "bert batch=13 context=32 layers=1 heads=2 width=16 dropout=0.1 architecture=original validate-every=6",
        "elmo batch=13 bptt=5 width=16 vocabulary=500 validate-every=4 valid-words=2000",
        "seq2seq batch=21 embedding=16 hidden=16 validate-every=6 longest=9 bleu-sentences=20",
        "dcgan batch=13 maps=4 size=16 latent=8",
    ];

    public static TheoryData<string> Others =>
    [
        "fizzbuzz",
        "gan batch=21 hidden=32",
        "sentiment model=cnn batch=21 embedding=16 filters=8 validate-every=4",
        "cnn batch=23 maps=2 hidden=8 shift=2",
        "resnet batch=13 width=4 size=16",
        "transfer batch=13 width=4 size=16 train=head",
        "style size=16",
        "style-network size=16 maps=2 blocks=1 batch=7",
    ];

    [Theory]
    [MemberData(nameof(Kinds))]
    public Task Task_OnFiveWorkersInThreeProcessesAndResumedInTwo_HasTheSameWeights(string task) => HasTheSameWeightsAsync(task);

    [LongTheory]
    [MemberData(nameof(Others))]
    public Task OtherTask_OnFiveWorkersInThreeProcessesAndResumedInTwo_HasTheSameWeights(string task) => HasTheSameWeightsAsync(task);

    private async Task HasTheSameWeightsAsync(string task)
    {
        var spec = SpecOf(task);
        var whole = await clusters.RunAsync(1, spec with { Workers = 1, CheckpointEvery = 3, Keep = 9 });
        var expected = whole.WeightsSha256;
        var run = await clusters.RunAsync(3, spec with { Workers = 5 });
        Assert.True(run.WeightsSha256 == expected, $"5 workers in 3 processes: {run.WeightsSha256} instead of {expected}");
        Assert.Equal(3, run.Processes);
        // The second of the two checkpoints on the way is passed over where the disk is slower than the run.
        var from = new CheckpointStore(whole.Spec.Output).Steps().Where(step => step < spec.Steps).Max();
        var resumed = await clusters.RunAsync(2, spec with { Workers = 3, Resume = true, Output = clusters.CopyCheckpoint(whole.Spec.Output, from) });
        Assert.True(resumed.WeightsSha256 == expected, $"resumed at step {from}: {resumed.WeightsSha256} instead of {expected}");
    }

    private static RunSpec SpecOf(string task)
    {
        var words = task.Split(' ');
        return new()
        {
            RunId = "",
            Output = "",
            Task = words[0],
            Shards = 8,
            Steps = 8,
            Settings = words.Skip(1).Select(word => word.Split('=')).ToDictionary(pair => pair[0], pair => pair[1]),
        };
    }
}

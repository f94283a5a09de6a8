using Granary.Models;
using Granary.Models.Torch;
using Granary.Training.Exchange;
using Granary.Training.Loop;
using Granary.Training.Tasks;

namespace Granary.Bench.Steps;

/// <summary>
/// What a worker of Granary costs beside a bare TorchSharp loop of the same model in the same process, step by step in turn;
/// and what its loop costs beside the same replica's steps without one.
/// </summary>
internal sealed class OverheadBenchmark : IBenchmark
{
    public string Name => "overhead";

    public string Summary => "A worker's step beside that of a bare TorchSharp loop, and the managed memory it takes.";

    public IReadOnlyDictionary<string, string> Switches => TorchRuntime.Switches;

    public Task RunAsync(BenchmarkRun run)
    {
        _ = TorchRuntime.Switches;
        var folder = Directory.CreateTempSubdirectory("granary-overhead-").FullName;
        try
        {
            var lm = LanguageModelStep.SpecWith(folder);
            var twoLayers = new TrainingSpec { Task = "two-layer", Shards = 1, Steps = long.MaxValue / 2 };
            Compare(run, "lm", LanguageModelStep.Task, lm, () => new BareLanguageModel(), bare => bare.Run());
            Compare(run, "lm loop", LanguageModelStep.Task, lm, () => new ReplicaStep(LanguageModelStep.Task.CreateReplica(lm)), bare => bare.Run());
            Compare(run, "two-layer", new TwoLayerTask(), twoLayers, () => new BareTwoLayers(), bare => bare.Run());
            Compare(run, "two-layer loop", new TwoLayerTask(), twoLayers, () => new ReplicaStep(new TwoLayerTask().CreateReplica(twoLayers)), bare => bare.Run());
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
        return Task.CompletedTask;
    }

    private static void Compare<T>(BenchmarkRun run, string name, ITrainingTask task, TrainingSpec spec, Func<T> create, Action<T> act) where T : IDisposable
    {
        if (!run.Wants(name))
        {
            return;
        }
        using var bare = create();
        using var replica = task.CreateReplica(spec);
        using var loop = new TrainingLoop(replica, new(0, 1), shardCount: 1);
        using var exchange = new SoloExchange();
        var stop = new StopSignal();
        var alternation = new Alternation(() => act(bare), run.Seconds, least: run.IsTrial ? 1 : 10, stop);
        loop.Run(new(0), exchange, alternation, stop);
        alternation.Report(name, run.Report);
    }
}

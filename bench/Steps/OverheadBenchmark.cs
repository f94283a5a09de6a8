using System.Diagnostics;
using Granary.Bench.Measurement;
using Granary.Models;
using Granary.Torch.Runtime;
using Granary.Torch;
using Granary.Training.Exchange;
using Granary.Training.Loop;
using Granary.Training.Runs;
using Granary.Training.Shards;
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
            CompareStates(run, "lm states", lm);
            Compare(run, "two-layer", LearnerTask.Of<TwoLayer>(), twoLayers, () => new BareTwoLayers(), bare => bare.Run());
            Compare(run, "two-layer loop", LearnerTask.Of<TwoLayer>(), twoLayers, () => new ReplicaStep(LearnerTask.Of<TwoLayer>().CreateReplica(twoLayers)), bare => bare.Run());
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
        return Task.CompletedTask;
    }

    /// <summary>What two workers of one process take to compare their states, and what share of a step that is by default.</summary>
    private static void CompareStates(BenchmarkRun run, string name, TrainingSpec spec)
    {
        if (!run.Wants(name))
        {
            return;
        }
        var every = new RunSpec { RunId = "", Output = "", Task = "" }.VerifyEvery;
        var ranges = ShardRange.Split(2, 2);
        using var group = new ProcessGroup(ranges, 2);
        var replica = LanguageModelStep.Task.CreateReplica(spec);
        using var first = new ReplicaStep(replica);
        using var second = LanguageModelStep.Task.CreateReplica(spec);
        var times = run.IsTrial ? 2 : 50;
        var peer = new Thread(() => Take(times, ranges[1], second.State, group.Exchanges[1]));
        peer.Start();
        var comparisons = Take(times, ranges[0], replica.State, group.Exchanges[0]);
        peer.Join();
        var steps = Enumerable.Range(0, run.IsTrial ? 2 : 20).Select(_ =>
        {
            var started = Stopwatch.GetTimestamp();
            first.Run();
            return Stopwatch.GetElapsedTime(started).TotalMilliseconds;
        }).Skip(1).ToList();
        var comparison = Figure.Of($"{name}: a comparison", "ms", comparisons);
        var step = Figure.Of($"{name}: a step", "ms", steps);
        run.Report.Add(comparison);
        run.Report.Add(step);
        run.Report.Add(new($"{name}: share of a step, compared every {every}", 100 * comparison.Value / every / step.Value, "%"));
    }

    private static List<double> Take(int times, ShardRange shards, ReplicaState state, IExchange exchange)
    {
        using var comparison = new StateComparison(shards, shardCount: 2);
        return [.. Enumerable.Range(0, times).Select(time =>
        {
            var started = Stopwatch.GetTimestamp();
            comparison.Compare(state, exchange, time, phase: 0);
            return Stopwatch.GetElapsedTime(started).TotalMilliseconds;
        })];
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

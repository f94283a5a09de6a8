using System.Diagnostics;
using Granary.Bench.Comparing;
using Granary.Bench.Measurement;
using Granary.Models;
using Granary.Training.Exchange;
using Granary.Training.Loop;
using Granary.Training.Shards;
using Granary.Training.Tasks;

namespace Granary.Bench.Word2Vec;

/// <summary>
/// Words of text a second that word2vec trains, those included that subsampling drops, by workers of one process: the training
/// loop and the exchange through memory, without a cluster around them. Reading the text is not timed, as it is not for the peers.
/// </summary>
/// <param name="kinds">Other kinds than skip-gram with negative sampling on whole words, by one worker each.</param>
internal sealed class Word2VecBenchmark(bool kinds) : IBenchmark
{
    private const int Shards = 4;
    private const string Unit = "words/s";

    private static readonly (string Name, (string, string)[] Settings)[] otherKinds =
    [
        ("cbow", [("model", "cbow")]),
        ("hierarchical", [("loss", "hierarchical")]),
        ("cbow hierarchical", [("model", "cbow"), ("loss", "hierarchical")]),
        ("subwords", [("subwords", "true")]),
        ("cbow subwords", [("model", "cbow"), ("subwords", "true")]),
    ];

    // The slowest peer takes 40 seconds for each.
    private readonly int words = kinds ? 2_000_000 : 4_000_000;

    public string Name => kinds ? "word2vec-kinds" : "word2vec";

    public string Summary => kinds
        ? "Words of text a second of word2vec's other kinds: CBOW, hierarchical softmax, subwords."
        : "Words of text a second of word2vec with 4 shards, by workers of one process.";

    public IReadOnlyList<Peer> Peers =>
    [
        Program("gensim", "word2vec_gensim.py", goal: 6, new Dictionary<string, string> { ["OMP_NUM_THREADS"] = "1" }),
        Program("fastText", "word2vec_fasttext.py", goal: 10, null),
    ];

    public Task RunAsync(BenchmarkRun run)
    {
        var spec = new TrainingSpec
        {
            Task = "word2vec",
            Shards = Shards,
            Data = run.Text,
            Settings = new Dictionary<string, string> { ["words"] = $"{words}" },
            Epochs = 1_000_000,
        };
        foreach (var (name, settings) in kinds ? otherKinds : [])
        {
            if (run.Wants(CaseOf(name)))
            {
                var kind = spec with { Settings = new Dictionary<string, string>([.. spec.Settings, .. settings.Select(setting => KeyValuePair.Create(setting.Item1, setting.Item2))]) };
                run.Report.Add(Figure.Of(CaseOf(name), Unit, Train(kind, 1, run.Seconds)));
            }
        }
        if (kinds)
        {
            return Task.CompletedTask;
        }
        foreach (var workers in new[] { 1, 2 })
        {
            var name = $"{workers} worker{(workers > 1 ? "s" : "")}";
            if (run.Wants(name))
            {
                run.Report.Add(Figure.Of(name, Unit, Train(spec, workers, run.Seconds)));
            }
        }
        const string Alone = "one shard after the other, no sums";
        if (run.Wants(Alone))
        {
            run.Report.Add(Figure.Of(Alone, Unit, ComputeShards(spec, run.Seconds)));
        }
        return Task.CompletedTask;
    }

    /// <returns>The speed of every step.</returns>
    private static IReadOnlyList<double> Train(TrainingSpec spec, int workers, double seconds)
    {
        var ranges = ShardRange.Split(spec.Shards, workers);
        var replicas = ranges.Select(_ => new Word2VecTask().CreateReplica(spec)).ToArray();
        using var group = new ProcessGroup(ranges, spec.Shards);
        var stop = new StopSignal();
        var observer = new Pace(seconds, stop);
        var threads = ranges.Select((range, worker) => new Thread(() =>
        {
            using var loop = new TrainingLoop(replicas[worker], range, spec.Shards);
            loop.Run(new(0), group.Exchanges[worker], worker == 0 ? observer : new Nobody(), worker == 0 ? stop : new());
        })).ToList();
        threads.ForEach(thread => thread.Start());
        threads.ForEach(thread => thread.Join());
        Array.ForEach(replicas, replica => replica.Dispose());
        return observer.Rates;
    }

    private static IEnumerable<double> ComputeShards(TrainingSpec spec, double seconds)
    {
        using var replica = new Word2VecTask().CreateReplica(spec);
        using var frame = replica.CreateFrame(0);
        var next = 0;
        var words = new List<double>();
        var times = Repeat.Time(
            () =>
            {
                replica.ComputeGradients(new(next / spec.Shards, 0, next++ % spec.Shards), frame);
                words.Add(frame.Scalars[0]);
            },
            seconds);
        return times.Zip(words.TakeLast(times.Count), (milliseconds, count) => count / milliseconds * 1e3);
    }

    private static string CaseOf(string kind) => $"1 worker, {kind}";

    private Peer Program(string name, string script, double goal, IReadOnlyDictionary<string, string>? environment) => new(
        name,
        run => [Peer.Python, script, run.TextForPeer, "--words", $"{words}", "--threads", "1", .. kinds ? ["--kinds", .. otherKinds.Select(kind => kind.Name)] : new[] { "2" }],
        Peer.InstallHint,
        environment,
        kinds ? null : new Dictionary<string, double> { ["1 worker"] = goal });

    /// <summary>The speed of each step; stops the loop when the time is over.</summary>
    private sealed class Pace(double seconds, StopSignal stop) : IStepObserver
    {
        private const int WarmUpSteps = 3, LeastSteps = 3;
        private long begun, last;

        public List<double> Rates { get; } = [];

        public void StepCommitted(long step, Metrics metrics, StepTimes times)
        {
            if (step > WarmUpSteps)
            {
                Rates.Add(metrics[Metrics.Samples] / Stopwatch.GetElapsedTime(last).TotalSeconds);
            }
            begun = step <= WarmUpSteps ? Stopwatch.GetTimestamp() : begun;
            last = Stopwatch.GetTimestamp();
            if (Rates.Count >= LeastSteps && Stopwatch.GetElapsedTime(begun).TotalSeconds >= seconds)
            {
                stop.Raise(checkpoint: false);
            }
        }
    }

    private sealed class Nobody : IStepObserver
    {
        public void StepCommitted(long step, Metrics metrics, StepTimes times)
        {
        }
    }
}

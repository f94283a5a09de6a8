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
internal sealed class Word2VecBenchmark : IBenchmark
{
    private const int Shards = 4;

    // The slowest peer takes 40 seconds for them.
    private const int Words = 4_000_000;
    private const string Unit = "words/s";

    public string Name => "word2vec";

    public string Summary => "Words of text a second of word2vec with 4 shards, by workers of one process.";

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
            Settings = new Dictionary<string, string> { ["words"] = $"{Words}" },
            Epochs = 1_000_000,
        };
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

    private static Peer Program(string name, string script, double goal, IReadOnlyDictionary<string, string>? environment) => new(
        name,
        run => [Peer.Python, script, run.TextForPeer, "--words", $"{Words}", "--threads", "1", "2"],
        Peer.InstallHint,
        environment,
        new Dictionary<string, double> { ["1 worker"] = goal });

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

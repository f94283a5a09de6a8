using System.Diagnostics;
using System.Runtime.InteropServices;
using Granary.Bench.Measurement;
using Granary.Torch.Runtime;
using Granary.Training.Checkpoints;
using Granary.Training.Exchange;
using Granary.Training.Loop;
using Granary.Training.Runs;
using Granary.Training.Tasks;

namespace Granary.Bench.Checkpoints;

/// <summary>How long training waits for a checkpoint, and how fast it is written, against the same bytes in a plain file.</summary>
internal sealed class CheckpointBenchmark : IBenchmark
{
    private const int Millions = 1_000_000, StepsApart = 20;

    public string Name => "checkpoint";

    public string Summary => "A checkpoint of a large model: what training waits for, and how fast it is written.";

    public IReadOnlyDictionary<string, string> Switches => TorchRuntime.Switches;

    public Task RunAsync(BenchmarkRun run)
    {
        _ = TorchRuntime.Switches; // the C allocator is set up as in a silo
        foreach (var millions in run.IsTrial ? [1] : new[] { 10, 100 })
        {
            var name = $"{millions} M parameters with Adam";
            if (run.Wants(name))
            {
                Measure(run, name, millions * Millions / 16 * 16);
            }
        }
        return Task.CompletedTask;
    }

    private static void Measure(BenchmarkRun run, string name, int parameters)
    {
        var folder = Directory.CreateTempSubdirectory("granary-bench-");
        try
        {
            var checkpoints = run.IsTrial ? 3 : 6;
            var spec = new RunSpec { RunId = "wide", Output = folder.FullName, Task = "wide", Shards = 1, Steps = checkpoints * StepsApart };
            using var replica = new WideReplica(parameters, spec.Steps!.Value);
            var recorder = new Recorder(replica, spec, folder.FullName);
            using (var loop = new TrainingLoop(replica, new(0, 1), 1))
            {
                loop.Run(new(0), new SoloExchange(), recorder, new());
            }
            recorder.Dispose();
            // The first checkpoint may have to wait for its memory to be ready.
            run.Report.Add(new($"{name}: pause, the first", recorder.Pauses[0], "ms"));
            run.Report.Add(Figure.Of($"{name}: pause", "ms", recorder.Pauses.Skip(1)) with { Best = recorder.Pauses.Skip(1).Min() });
            run.Report.Add(new($"{name}: pause, the longest", recorder.Pauses.Max(), "ms"));
            run.Report.Add(Figure.Of($"{name}: a step without one", "ms", recorder.PlainSteps));
            run.Report.Add(Figure.Of($"{name}: copy alone", "ms", CopyAlone(replica)));
            var bytes = replica.State.Tensors.Sum(tensor => (double)tensor.Length * sizeof(float));
            run.Report.Add(Figure.Of($"{name}: written while training", "MB/s", recorder.Written.Select(seconds => bytes / 1e6 / seconds)));
            var (ours, plain) = WriteInTurn(replica, spec, folder.FullName, rounds: run.IsTrial ? 1 : 5);
            run.Report.Add(Figure.Of($"{name}: written", "MB/s", ours.Select(seconds => bytes / 1e6 / seconds)));
            run.Report.Add(Figure.Of($"{name}: the same bytes in a plain file, synced", "MB/s", plain.Select(seconds => bytes / 1e6 / seconds)));
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    private static List<double> CopyAlone(WideReplica replica)
    {
        using var snapshot = new StateSnapshot();
        return Repeat.Time(() =>
        {
            snapshot.Begin(replica.State);
            snapshot.Copied.Wait();
        }, seconds: 0, warmUps: 1);
    }

    /// <summary>In turn, as disks have moods.</summary>
    /// <returns>Seconds.</returns>
    private static (List<double> Ours, List<double> Plain) WriteInTurn(WideReplica replica, RunSpec spec, string folder, int rounds)
    {
        var store = new CheckpointStore(Path.Combine(folder, "alone"));
        List<double> ours = [], plain = [];
        for (var round = 1; round <= rounds; round++)
        {
            var started = Stopwatch.GetTimestamp();
            var written = store.Write(replica.State, CheckpointManifest.Of(spec, replica, round));
            ours.Add(Stopwatch.GetElapsedTime(started).TotalSeconds);
            Directory.Delete(written.Directory, recursive: true);
            started = Stopwatch.GetTimestamp();
            WritePlainly(replica.State, Path.Combine(folder, "plain"));
            plain.Add(Stopwatch.GetElapsedTime(started).TotalSeconds);
            File.Delete(Path.Combine(folder, "plain"));
        }
        return (ours, plain);
    }

    /// <summary>What the disk gives: one file, large writes, synced at the end.</summary>
    private static void WritePlainly(ReplicaState state, string path)
    {
        using var file = new FileStream(path, FileMode.Create, FileAccess.Write, FileShare.None, bufferSize: 0);
        foreach (var tensor in state.Tensors)
        {
            file.Write(MemoryMarshal.AsBytes(tensor.Values));
        }
        file.Flush(flushToDisk: true);
    }

    /// <summary>Makes a checkpoint every so many steps, as a run does, and waits until it is written before the next.</summary>
    private sealed class Recorder : IStepObserver, IDisposable
    {
        private readonly WideReplica replica;
        private readonly RunSpec spec;
        private readonly CheckpointWriter writer;
        private TimeSpan beginning;

        public Recorder(WideReplica replica, RunSpec spec, string folder)
        {
            (this.replica, this.spec) = (replica, spec);
            writer = new(new(folder), keep: 1, outcome => Written.Add(outcome.Duration.TotalSeconds), waited => Pauses.Add((beginning + waited).TotalMilliseconds));
            writer.Prepare(replica.State);
        }

        /// <summary>Milliseconds that training stood still for each checkpoint.</summary>
        public List<double> Pauses { get; } = [];

        /// <summary>Milliseconds of steps beside which nothing was copied or written.</summary>
        public List<double> PlainSteps { get; } = [];

        /// <summary>Seconds that each checkpoint took from its copy to its last sync.</summary>
        public List<double> Written { get; } = [];

        public void Applying(long step, int phase) => writer.WaitForCopy();

        public void StepCommitted(long step, Metrics metrics, StepTimes times)
        {
            if (step % StepsApart == 0)
            {
                writer.Complete();
                var started = Stopwatch.GetTimestamp();
                writer.Begin(replica.State, CheckpointManifest.Of(spec, replica, step));
                beginning = Stopwatch.GetElapsedTime(started);
            }
            else if (step % StepsApart == StepsApart - 1)
            {
                PlainSteps.Add(times.Total.TotalMilliseconds);
            }
        }

        public void Dispose()
        {
            writer.Dispose();
            writer.Complete();
        }
    }
}

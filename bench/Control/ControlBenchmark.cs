using System.Diagnostics;
using Granary.Contracts;
using Granary.Grains.Nodes;
using Granary.LocalClusters;
using Granary.Training.Runs;
using Granary.Training.Tasks;

namespace Granary.Bench.Control;

/// <summary>
/// What the cluster itself costs: simulated workers in one process, each with a slot's thread of its own. All processor time
/// that is not the slots' counts as the control plane's: coordinator, Orleans, gateway, runtime.
/// </summary>
internal sealed class ControlBenchmark : IBenchmark
{
    private const int WarmUpSteps = 100;
    private static readonly int[] workerCounts = [1, 4, 16, 64];

    public string Name => "control";

    public string Summary => "The control plane's processor time for a step, by simulated workers.";

    public async Task RunAsync(BenchmarkRun run)
    {
        if (!run.IsTrial)
        {
            // The first cluster of a process pays for much that later ones find done.
            await MeasureAsync(run with { Report = new(Name) }, "warm-up", workers: 4, steps: 1000);
        }
        foreach (var workers in workerCounts)
        {
            var name = $"{workers} simulated workers";
            if (run.Wants(name))
            {
                await MeasureAsync(run, name, workers, steps: run.IsTrial ? 20 : 1000);
            }
        }
    }

    private static async Task MeasureAsync(BenchmarkRun run, string name, int workers, int steps)
    {
        var folder = Directory.CreateTempSubdirectory("granary-bench-");
        try
        {
            var environment = new TrainingEnvironment(TaskCatalog.Of(typeof(PulseTask).Assembly), new Dictionary<string, string>());
            await using var cluster = await LocalCluster.StartAsync(silos: 1, slots: workers, environment);
            using var client = new TrainingClient(cluster.Server);
            Usage begin = default, end = default;
            // The runtime compiles what is used often once more, and better: in a run that is not measured.
            (PulseTask.Pulse, PulseTask.Stepped) = (TimeSpan.FromMilliseconds(1), null);
            await TrainAsync(client, new() { RunId = "warm-up", Task = "pulse", Shards = workers, Workers = workers, Steps = 5 * steps, Output = Path.Combine(folder.FullName, "warm-up") });
            PulseTask.Pulse = TimeSpan.FromMilliseconds(5);
            PulseTask.Stepped = step =>
            {
                begin = step == WarmUpSteps ? Usage.Now() : begin;
                end = step == WarmUpSteps + steps ? Usage.Now() : end;
            };
            await TrainAsync(client, new() { RunId = "bench", Task = "pulse", Shards = workers, Workers = workers, Steps = WarmUpSteps + steps, Output = Path.Combine(folder.FullName, "run") });
            run.Report.Add(new($"{name}: control plane, processor time a step", (end.Others - begin.Others).TotalMilliseconds / steps, "ms", Samples: steps));
            run.Report.Add(new($"{name}: slots, processor time a step and worker", (end.Slots - begin.Slots).TotalMilliseconds / steps / workers, "ms", Samples: steps));
            run.Report.Add(new($"{name}: a step, of which 5 ms are simulated computing", Stopwatch.GetElapsedTime(begin.At, end.At).TotalMilliseconds / steps, "ms", Samples: steps));
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    private static async Task TrainAsync(TrainingClient client, RunSpec spec)
    {
        await client.SubmitAsync(spec);
        await foreach (var happened in client.WatchAsync(spec.RunId))
        {
            if (happened.Status.State is RunState.Failed or RunState.Cancelled)
            {
                throw new BenchmarkException($"The run ended: {happened.Status.Reason}");
            }
        }
    }

    /// <summary>Processor time of this process so far: of the slots' threads, and of all others.</summary>
    private readonly record struct Usage(long At, TimeSpan Slots, TimeSpan Others)
    {
        private const string SlotName = "slot ";

        public static Usage Now()
        {
            var slots = TimeSpan.Zero;
            foreach (var thread in Directory.EnumerateDirectories("/proc/self/task"))
            {
                if (File.ReadAllText(Path.Combine(thread, "comm")).StartsWith(SlotName, StringComparison.Ordinal))
                {
                    // Nanoseconds on a processor, see proc(5).
                    slots += TimeSpan.FromMicroseconds(long.Parse(File.ReadAllText(Path.Combine(thread, "schedstat")).Split(' ')[0]) / 1000);
                }
            }
            return new(Stopwatch.GetTimestamp(), slots, Environment.CpuUsage.TotalTime - slots);
        }
    }
}

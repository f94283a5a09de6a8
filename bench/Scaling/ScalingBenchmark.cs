using Granary.Bench.Comparing;
using Granary.Contracts;
using Granary.LocalClusters;
using Granary.Torch.Runtime;
using Granary.Training.Runs;

namespace Granary.Bench.Scaling;

/// <summary>
/// Tokens a second of the task <c>lm</c> on a whole cluster, by workers and processes. The bits are the same in every case.
/// </summary>
internal sealed class ScalingBenchmark : IBenchmark
{
    private const int Shards = 4;

    // The runtime compiles what is hot once more, in the background, in every process: until then there is a third that wants a core.
    private const int WarmUpSteps = 200;
    private static readonly TimeSpan Poll = TimeSpan.FromMilliseconds(100);

    public string Name => "scaling";

    public string Summary => "Tokens a second of lm with 4 shards, by workers and processes.";

    public IReadOnlyDictionary<string, string> Switches => TorchRuntime.Switches;

    public IReadOnlyList<Peer> Peers =>
    [
        DistributedDataParallel("PyTorch DDP over Gloo, as installed", [Peer.Python], Peer.OneThread, goal: 1.4),
        DistributedDataParallel("PyTorch DDP over Gloo, memory kept", [Peer.Python], new Dictionary<string, string>(Peer.OneThread.Concat(Peer.FairMalloc)), goal: 1.4),
        .. Peer.HasNewest ? [DistributedDataParallel("newest PyTorch DDP over Gloo, memory kept", Peer.NewestPython, Peer.NewestEnvironment, goal: 1.4)] : Array.Empty<Peer>(),
    ];

    public async Task RunAsync(BenchmarkRun run)
    {
        (string Name, int Workers, int Processes, int Runs)[] cases =
        [
            ("1 worker", 1, 1, 1),
            ("2 workers, 1 process", 2, 1, 1),
            ("2 workers, 2 processes", 2, 2, 1),
            // What the machine gives when nothing is exchanged: the most that scaling can reach.
            ("2 runs of 1 worker at once, both together", 1, 2, 2),
        ];
        foreach (var (name, workers, processes, runs) in cases)
        {
            if (run.Wants(name))
            {
                run.Report.Add(new(name, await MeasureAsync(run.Text, workers, processes, runs, run.Seconds, warmUpSteps: run.IsTrial ? 1 : WarmUpSteps), "tokens/s"));
            }
        }
    }

    private static async Task<double> MeasureAsync(string? data, int workers, int processes, int runs, double seconds, int warmUpSteps)
    {
        var folder = Directory.CreateTempSubdirectory("granary-bench-");
        try
        {
            await using var cluster = await StartAsync(workers * runs, processes);
            using var client = new TrainingClient(cluster.Server);
            var rates = await Task.WhenAll(Enumerable.Range(0, runs).Select(number => RateAsync(client, Spec($"bench-{number}", data, workers, folder.FullName), seconds, warmUpSteps)));
            return rates.Sum();
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    private static async Task<IRunCluster> StartAsync(int slots, int processes) =>
        processes > 1 ? await ProcessCluster.StartAsync(processes, slots) : await LocalCluster.StartAsync(slots);

    private static RunSpec Spec(string id, string? data, int workers, string folder) => new()
    {
        RunId = id,
        Task = "lm",
        Data = data,
        Shards = Shards,
        Workers = workers,
        Output = Path.Combine(folder, id),
        // The peer's text, and no validation within the time measured.
        Settings = data is null
            ? new Dictionary<string, string> { ["validate-every"] = "1000000000" }
            : new Dictionary<string, string> { ["validate-every"] = "1000000000", ["words"] = "1000000" },
        Epochs = 1_000_000,
    };

    /// <summary>Units a second between the end of the warm-up and the end of the time given, by the run's own clock.</summary>
    private static async Task<double> RateAsync(TrainingClient client, RunSpec spec, double seconds, int warmUpSteps)
    {
        await client.SubmitAsync(spec);
        RunStatus? first = null;
        while (true)
        {
            await Task.Delay(Poll);
            var now = await client.GetAsync(spec.RunId);
            if (now.HasEnded)
            {
                throw new BenchmarkException($"The run ended: {now.Reason}");
            }
            first ??= now.Step >= warmUpSteps ? now : null;
            if (first is not null && (now.Elapsed - first.Elapsed).TotalSeconds >= seconds)
            {
                await client.CancelAsync(spec.RunId, "Measured.");
                await foreach (var _ in client.WatchAsync(spec.RunId))
                {
                    // To its end.
                }
                return (now.Units - first.Units) / (now.Elapsed - first.Elapsed).TotalSeconds;
            }
        }
    }

    private static Peer DistributedDataParallel(string name, IReadOnlyList<string> python, IReadOnlyDictionary<string, string> environment, double goal) => new(
        name,
        run => [.. python, "lm_ddp.py", "--data", run.TextForPeer, "--seconds", $"{run.Seconds}", "--only", run.Only ?? ""],
        Peer.InstallHint,
        environment,
        new Dictionary<string, double> { ["1 worker"] = 1, ["2 workers, 2 processes"] = goal });
}

using System.Globalization;
using Granary.Bench.Comparing;
using Granary.Bench.Measurement;
using Granary.Torch.Runtime;
using Granary.Torch;

namespace Granary.Bench.Steps;

/// <summary>One training step on one thread: forward, backward, clipping, optimizer; and the matrix products within.</summary>
internal sealed class StepBenchmark : IBenchmark
{
    private static readonly Dictionary<string, double> goals = new() { ["lm"] = 1.3, ["gpt"] = 1, ["gpt by layers"] = 1, ["dcgan"] = 1 };
    private static readonly IReadOnlyDictionary<string, string> installed = Peer.OneThread, fair = new Dictionary<string, string>(Peer.OneThread.Concat(Peer.FairMalloc));

    public string Name => "step";

    public string Summary => "One training step on one thread: language model, GPT, DCGAN; and matrix products.";

    public IReadOnlyDictionary<string, string> Switches => TorchRuntime.Switches;

    public IReadOnlyList<Peer> Peers =>
    [
        new("PyTorch", run => [Peer.Python, .. Arguments(run)], Peer.InstallHint, installed, goals),
        new("PyTorch, memory kept", run => [Peer.Python, .. Arguments(run)], Peer.InstallHint, fair, goals),
        .. Peer.HasNewest
            ? [new("newest PyTorch, memory kept", run => [.. Peer.NewestPython, .. Arguments(run)], Peer.InstallHint, Peer.NewestEnvironment, goals)]
            : Array.Empty<Peer>(),
        // Where the processor does not know bfloat16, such a step takes seconds.
        .. Autocast.IsFast
            ?
            [
                new("PyTorch in bf16", run => [Peer.Python, .. Arguments(run, "--bf16")], Peer.InstallHint, installed, new Dictionary<string, double> { ["lm bf16"] = 2.8 }),
                new("PyTorch in bf16, memory kept", run => [Peer.Python, .. Arguments(run, "--bf16")], Peer.InstallHint, fair, new Dictionary<string, double> { ["lm bf16"] = 1, ["gpt bf16"] = 1, ["dcgan bf16"] = 1 }),
            ]
            : Array.Empty<Peer>(),
    ];

    public Task RunAsync(BenchmarkRun run)
    {
        _ = TorchRuntime.Switches;
        var folder = Directory.CreateTempSubdirectory("granary-step-").FullName;
        try
        {
            foreach (var rounded in IsWorthRounding(run) ? new[] { false, true } : [false])
            {
                var suffix = rounded ? " bf16" : "";
                var autocast = rounded ? Autocast.Emulated : Autocast.Off;
                Measure(run, $"lm{suffix}", () => new ReplicaStep(LanguageModelStep.Task.CreateReplica(LanguageModelStep.SpecWith(folder, ("autocast", autocast)))), step => step.Run());
                Measure(run, $"gpt{suffix}", () => OneShard<Gpt>(autocast), step => step.Run());
                if (!rounded)
                {
                    Measure(run, "gpt by layers", () => OneShard<Gpt>(autocast, ("by-layers", "true")), step => step.Run());
                }
                Measure(run, $"dcgan{suffix}", () => OneShard<Dcgan>(autocast), step => step.Run());
            }
            foreach (var product in MatrixProduct.All.Where(product => run.Wants(product.Case)))
            {
                product.Use(multiply => run.Report.Add(Figure.Of(product.Case, "GFLOP/s", Repeat.Time(multiply, run.Seconds / 10).Select(time => product.Operations / time / 1e6))));
            }
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
        return Task.CompletedTask;
    }

    /// <summary>Where the processor does not know bfloat16, rounding takes seconds a step, and is measured on request alone.</summary>
    private static bool IsWorthRounding(BenchmarkRun run) =>
        Autocast.IsAvailable && (Autocast.IsFast || run.Only?.Contains("bf16", StringComparison.OrdinalIgnoreCase) == true);

    private static void Measure<T>(BenchmarkRun run, string name, Func<T> create, Action<T> act) where T : IDisposable
    {
        if (run.Wants(name))
        {
            using var step = create();
            run.Report.Add(Figure.Of(name, "ms", Repeat.Time(() => act(step), run.Seconds, warmUps: run.IsTrial ? 0 : 1, least: run.IsTrial ? 1 : 3, warmUpSeconds: run.IsTrial ? 0 : 3)));
        }
    }

    private static ReplicaStep OneShard<TLearner>(string autocast, params IEnumerable<(string Name, string Value)> settings) where TLearner : Learner
    {
        var task = LearnerTask.Of<TLearner>();
        return new(task.CreateReplica(new() { Task = task.Name, Shards = 1, Steps = long.MaxValue / 2, Settings = settings.Append(("autocast", autocast)).ToDictionary() }));
    }

    private static IEnumerable<string> Arguments(BenchmarkRun run, params IEnumerable<string> more) =>
        ["train_step.py", run.Seconds.ToString(CultureInfo.InvariantCulture), "--only", run.Only ?? "", .. more];
}

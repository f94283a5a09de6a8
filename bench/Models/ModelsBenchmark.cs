using System.Globalization;
using Granary.Bench.Comparing;
using Granary.Bench.Measurement;
using Granary.Bench.Models.Plain;
using Granary.Bench.Steps;
using Granary.Silo;
using Granary.Torch.Runtime;

namespace Granary.Bench.Models;

/// <summary>A training step of each model on one thread, one shard, 32-bit floats: batches, forward, backward, clipping, optimizer.</summary>
internal sealed class ModelsBenchmark : IBenchmark
{
    public string Name => "models";

    public string Summary => "A training step of each model on one thread.";

    public IReadOnlyDictionary<string, string> Switches => TorchRuntime.Switches;

    public IReadOnlyList<Peer> Peers =>
    [
        new("PyTorch, memory kept", run => [.. Peer.NewestPython, "train_models.py", run.Seconds.ToString(CultureInfo.InvariantCulture), "--only", run.Only ?? ""], Peer.InstallHint, Peer.NewestEnvironment, GoalsOf(1.3)),
        new("TorchSharp alone", run => [Environment.ProcessPath!, PlainCommand.Name, run.Seconds.ToString(CultureInfo.InvariantCulture), "--only", run.Only ?? ""], "It comes with granary-bench.", Peer.NewestEnvironment, GoalsOf(1.0)),
    ];

    public Task RunAsync(BenchmarkRun run)
    {
        _ = TorchRuntime.Switches;
        var folder = Directory.CreateTempSubdirectory("granary-models-").FullName;
        try
        {
            foreach (var model in ModelStep.All.Where(model => run.Wants(model.Name)))
            {
                var (warmUps, warmUpSeconds, least) = run.IsTrial ? (0, 0, 1) : (3, 3, 3);
                using var step = new ReplicaStep(GranaryEnvironment.Tasks[model.Task].CreateReplica(model.SpecIn(folder)));
                run.Report.Add(Figure.Of(model.Name, "ms", Repeat.Time(step.Run, run.Seconds, warmUps, least, warmUpSeconds)));
                foreach (var product in Product.Of(model.Name))
                {
                    run.Report.Add(new(product.Case, product.Time(run.Seconds / 30, warmUps, least), "ms", PartOf: model.Name));
                }
            }
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
        return Task.CompletedTask;
    }

    private static Dictionary<string, double> GoalsOf(double timesAsFast) => ModelStep.All.ToDictionary(step => step.Name, _ => timesAsFast);
}

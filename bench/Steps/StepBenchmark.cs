using Granary.Bench.Measurement;
using Granary.Models.Torch;

namespace Granary.Bench.Steps;

/// <summary>One training step on one thread: forward, backward, clipping, optimizer.</summary>
internal sealed class StepBenchmark : IBenchmark
{
    public string Name => "step";

    public string Summary => "One training step on one thread: language model, GPT, DCGAN; and matrix products.";

    public IReadOnlyDictionary<string, string> Switches => TorchRuntime.Switches;

    public Task RunAsync(BenchmarkRun run)
    {
        _ = TorchRuntime.Switches;
        var folder = Directory.CreateTempSubdirectory("granary-step-").FullName;
        try
        {
            if (run.Wants("lm"))
            {
                using var step = new ReplicaStep(LanguageModelStep.Task.CreateReplica(LanguageModelStep.SpecWith(folder)));
                run.Report.Add(Figure.Of("lm", "ms", Repeat.Time(step.Run, run.Seconds)));
            }
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
        return Task.CompletedTask;
    }
}

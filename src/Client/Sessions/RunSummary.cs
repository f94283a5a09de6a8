using System.Text.Json;
using Granary.Contracts;
using Granary.Training.Tasks;

namespace Granary.Client.Sessions;

/// <summary>How a run ended, for people and for scripts.</summary>
internal static class RunSummary
{
    private static readonly JsonSerializerOptions json = new() { WriteIndented = true };

    public static void Write(RunStatus run, string path)
    {
        var summary = new
        {
            run = run.Spec.RunId,
            state = run.State.ToString().ToLowerInvariant(),
            reason = run.Reason,
            task = run.Spec.Task,
            steps = run.Step,
            epochs = run.StepsPerEpoch > 0 ? (double)run.Step / run.StepsPerEpoch : 0,
            workers = run.Spec.Workers,
            processes = run.Processes,
            shards = run.Spec.Shards,
            seed = run.Spec.Seed,
            exchange = run.Spec.Exchange.ToString(),
            weights_sha256 = run.WeightsSha256,
            seconds = run.Elapsed.TotalSeconds,
            unit = run.Unit,
            samples = run.Units,
            samples_per_second = SamplesPerSecond(run),
            measure = run.Measure,
            best = run.Best is { } best && double.IsFinite(best) ? best : (double?)null,
            metrics = run.Metrics.Where(metric => double.IsFinite(metric.Value)).OrderBy(metric => metric.Key, StringComparer.Ordinal).ToDictionary(),
            rounds = run.Round,
            switches = run.Switches,
            checkpoint = run.Checkpoint,
            output = run.Spec.Output,
        };
        Directory.CreateDirectory(Path.GetDirectoryName(Path.GetFullPath(path))!);
        File.WriteAllText(path, JsonSerializer.Serialize(summary, json) + "\n");
    }

    public static void Print(RunStatus run)
    {
        if (run.State == RunState.Failed)
        {
            return;
        }
        List<(string Name, string Value)> lines =
        [
            ("run", $"{run.Spec.RunId}: {run.State.ToString().ToLowerInvariant()} at step {run.Step:N0} of {run.TotalSteps:N0}"),
            .. from metric in run.Metrics
               where metric.Key != Metrics.Samples
               orderby metric.Key
               select (metric.Key, metric.Key == run.Measure && run.Best is { } best ? $"{Text(metric.Value)} (best {Text(best)})" : Text(metric.Value)),
            ("speed", $"{SamplesPerSecond(run):N0} {run.Unit} a second, {run.Elapsed.TotalSeconds:N1} s in all"),
            ("switches", string.Join(", ", run.Switches.OrderBy(entry => entry.Key, StringComparer.Ordinal).Select(entry => $"{entry.Key}={entry.Value}"))),
            ("weights", run.WeightsSha256 ?? "unknown"),
            ("checkpoint", run.Checkpoint ?? "none"),
        ];
        var width = lines.Max(line => line.Name.Length);
        foreach (var (name, value) in lines)
        {
            Console.WriteLine($"{name.PadRight(width)}  {value}");
        }
    }

    private static string Text(double value) => value.ToString("G5");

    private static double SamplesPerSecond(RunStatus run) => run.Elapsed > TimeSpan.Zero ? run.Units / run.Elapsed.TotalSeconds : 0;
}

using System.Globalization;
using Granary.Training.Checkpoints;
using Granary.Training.Runs;
using Granary.Training.Tasks;

namespace Granary.Bench.Pages;

/// <summary>Run directories as training would have left them, without training.</summary>
public static class MadeRuns
{
    private const int Checkpoints = 4;
    private static readonly DateTimeOffset begin = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);
    private static readonly Measure measure = new("validation.loss", LowerIsBetter: true, Occasional: true);

    /// <param name="folder">Gets a directory for each run: <c>run-0000</c>, <c>run-0001</c> and so on.</param>
    /// <param name="steps">Of each; a step takes 10 ms.</param>
    public static void Write(string folder, int runs, long steps)
    {
        for (var run = 0; run < runs; run++)
        {
            WriteRun(Path.Combine(folder, string.Create(CultureInfo.InvariantCulture, $"run-{run:D4}")), begin + TimeSpan.FromHours(run), steps, (ulong)run);
        }
    }

    private static void WriteRun(string directory, DateTimeOffset from, long steps, ulong seed)
    {
        var spec = new RunSpec { RunId = Path.GetFileName(directory), Task = "two-layer", Output = directory, Seed = seed, Steps = steps, Settings = new Dictionary<string, string> { ["hidden"] = "100", ["batch"] = "64" } };
        RunFolder.Take(directory, spec.RunId, isNew: true, TimeProvider.System).Dispose();
        new RunDescription(spec, steps, StepsPerEpoch: 1000, measure, "samples", from).Write(directory);
        var time = new GivenTime { Now = from };
        var history = new RunHistory(directory, 0, steps, time);
        for (var step = 1L; step <= steps; step++)
        {
            time.Now += TimeSpan.FromMilliseconds(10);
            var isValidated = step % 1000 == 0;
            if (isValidated || history.IsDue(step))
            {
                history.Add(step, MetricsOf(step, isValidated), isValidated);
            }
        }
        history.Flush();
        foreach (var step in Enumerable.Range(1, Checkpoints).Select(part => steps * part / Checkpoints))
        {
            WriteCheckpoint(directory, spec, step, steps, from);
        }
        RunJournal.Append(directory, [new(1, from, 0, "starting", "round", "Round 1 with 2 workers."), new(2, time.Now, steps, "succeeded", "state", "All steps are made.")]);
    }

    private static Metrics MetricsOf(long step, bool isValidated)
    {
        var loss = 1 / Math.Sqrt(step) + Math.Sin(step) / 100;
        var metrics = new Metrics { [Metrics.Loss] = loss, [Metrics.GradientNorm] = 1 + Math.Cos(step) / 2, [Metrics.LearningRate] = 0.1 / step, [Metrics.Samples] = 64 };
        if (isValidated)
        {
            metrics[measure.Metric] = loss + 0.1;
        }
        return metrics;
    }

    private static void WriteCheckpoint(string directory, RunSpec spec, long step, long steps, DateTimeOffset from)
    {
        var hash = new string('a', 64);
        var manifest = new CheckpointManifest
        {
            Spec = spec,
            Step = step,
            TotalSteps = steps,
            StepsPerEpoch = 1000,
            Metrics = new(MetricsOf(step, isValidated: true).ToDictionary(), StringComparer.Ordinal),
            Scalars = [],
            Measure = measure,
            WeightsSha256 = hash,
            Agreed = 2,
            Replicas = 2,
            Written = from + TimeSpan.FromMilliseconds(10 * step),
            Files = new(new Dictionary<string, string> { [CheckpointStore.ModelFile] = hash, [CheckpointStore.TrainingFile] = hash }, StringComparer.Ordinal),
        };
        var folder = Directory.CreateDirectory(new CheckpointStore(directory).DirectoryOf(step)).FullName;
        File.WriteAllBytes(Path.Combine(folder, CheckpointManifest.FileName), manifest.ToBytes());
        File.WriteAllBytes(Path.Combine(folder, CheckpointStore.ModelFile), [1, 2, 3]);
    }

    private sealed class GivenTime : TimeProvider
    {
        public DateTimeOffset Now { get; set; }

        public override DateTimeOffset GetUtcNow() => Now;

        public override long GetTimestamp() => Now.Ticks * (TimestampFrequency / TimeSpan.TicksPerSecond);
    }
}

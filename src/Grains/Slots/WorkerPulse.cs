using Granary.Contracts;
using Granary.Grains.Telemetry;
using Granary.Training.Exchange;
using Granary.Training.Loop;
using Granary.Training.Runs;
using Granary.Training.Tasks;

namespace Granary.Grains.Slots;

/// <summary>How a worker fares in a round, told to the coordinator a few times a second.</summary>
internal sealed class WorkerPulse(SlotRound round, RunSpec run, IExchange exchange, TrainingInstruments instruments, TimeProvider time) : IDisposable
{
    private static readonly TimeSpan ReportEvery = TimeSpan.FromMilliseconds(250);

    // Up to this many workers each report every ReportEvery; beyond it the total rate stays constant.
    private const int FullPace = 8;

    // How much of the old mean time for a shard each step keeps.
    private const double Memory = 0.8;
    private readonly int shards = round.Plan.Workers[round.Worker] is var mine ? mine.ShardEnd - mine.ShardStart : 0;
    private readonly RunSeries.Holder? curve = round.Worker == 0 ? instruments.Runs.Begin(new("task", run.Task), new("run.id", run.RunId)) : null;
    private readonly TimeSpan reportEvery = round.Worker == 0 ? ReportEvery : ReportEvery * Math.Max(1, run.Workers / FullPace);
    private readonly SortedDictionary<string, double> latest = new(StringComparer.Ordinal);
    private readonly long started = time.GetTimestamp();
    private long reported = time.GetTimestamp();
    private TimeSpan computePerShard;
    private long bytesSent;
    private double units;

    /// <summary>The newest value of every metric.</summary>
    public IReadOnlyDictionary<string, double> Latest => latest;

    /// <summary>The best validated value so far, if this worker keeps the run.</summary>
    public Func<double?> Best { get; set; } = () => null;

    /// <summary>A step is committed.</summary>
    public void Beat(Metrics metrics, StepTimes times)
    {
        var now = times.Compute / shards;
        computePerShard = computePerShard == TimeSpan.Zero ? now : computePerShard * Memory + now * (1 - Memory);
        foreach (var (name, value) in metrics)
        {
            latest[name] = value;
        }
        var samples = metrics.TryGet(Metrics.Samples, out var weight) ? weight : 0;
        units += samples;
        instruments.Exchanged(exchange.BytesSent - bytesSent);
        bytesSent = exchange.BytesSent;
        if (curve is not null)
        {
            instruments.StepCommitted(run.Task, samples, times);
            curve[RunGauge.Loss] = Newest("loss");
            curve[RunGauge.GradientNorm] = Newest("gradient.norm");
            curve[RunGauge.LearningRate] = Newest("learning.rate");
        }

        double Newest(string metric) => latest.GetValueOrDefault(metric, double.NaN);
    }

    /// <summary>Reports, if it is time to.</summary>
    public void Report(long step)
    {
        if (time.GetElapsedTime(reported) >= reportEvery)
        {
            reported = time.GetTimestamp();
            round.Reporter.Progress(Progress(step));
        }
    }

    /// <summary>Reports in any case.</summary>
    public void ReportLast(long step) => round.Reporter.FinalProgress(Progress(step));

    public void Dispose() => curve?.Dispose();

    private WorkerReport Progress(long step) => round.Reporter.Report(ReportKind.Progress, step) with
    {
        KeepsRun = curve is not null,
        Metrics = curve is not null ? new(latest) : [],
        Best = Best(),
        Units = units,
        Elapsed = time.GetElapsedTime(started),
        ComputePerShard = computePerShard,
    };
}

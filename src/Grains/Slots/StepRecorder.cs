using Granary.Contracts;
using Granary.Grains.Telemetry;
using Granary.Training.Checkpoints;
using Granary.Training.Exchange;
using Granary.Training.Loop;
using Granary.Training.Runs;
using Granary.Training.Tasks;

namespace Granary.Grains.Slots;

/// <summary>
/// Watches the committed steps of a worker: metrics, progress reports. The round's first worker also keeps the run
/// directory: learning curve, samples, checkpoints.
/// </summary>
internal sealed class StepRecorder : IStepObserver, IDisposable
{
    private static readonly TimeSpan ReportEvery = TimeSpan.FromMilliseconds(250);

    // Of so many workers each reports at that pace; of more all together do as often.
    private const int FullPace = 8;
    private const double Memory = 0.8;
    private readonly RunSpec run;
    private readonly ITrainingReplica replica;
    private readonly IExchange exchange;
    private readonly WorkerReporter reporter;
    private readonly TrainingInstruments instruments;
    private readonly TimeProvider time;
    private readonly RunHistory? history;
    private readonly CheckpointWriter? checkpoints;
    private readonly SortedDictionary<string, double> latest = new(StringComparer.Ordinal);
    private readonly HashSet<string> failing = [];
    private readonly long started;
    private readonly TimeSpan reportEvery;
    private readonly bool keepsRun;
    private readonly string slot;
    private readonly int shards;
    private readonly IStepGate? gate;
    private TimeSpan computePerShard;
    private long reported;
    private double units;
    private bool passedOver;
    private bool brokeOff;
    private long bytesSent;

    public StepRecorder(RunSpec run, ITrainingReplica replica, long from, bool keepsRun, string slot, int shards, IExchange exchange, WorkerReporter reporter, TrainingInstruments instruments, TimeProvider time, IStepGate? gate)
    {
        this.slot = slot;
        this.shards = shards;
        this.gate = gate;
        this.run = run;
        this.replica = replica;
        this.keepsRun = keepsRun;
        this.exchange = exchange;
        this.reporter = reporter;
        this.instruments = instruments;
        this.time = time;
        Step = from;
        started = reported = time.GetTimestamp();
        reportEvery = keepsRun ? ReportEvery : ReportEvery * Math.Max(1, run.Workers / FullPace);
        if (keepsRun)
        {
            history = new(run.Output, from, replica.TotalSteps);
            var store = new CheckpointStore(run.Output);
            checkpoints = new(store, run.Keep, Report, instruments.CheckpointCopied);
            checkpoints.Prepare(replica.State);
            // Later ones are of a course that is now repeated; should they be damaged, they are written again.
            Attempt("earlier checkpoints cannot be read", () => store.Manifests().Where(manifest => manifest.Step <= from).ToList().ForEach(checkpoints.Adopt));
        }
    }

    /// <summary>Steps committed.</summary>
    public long Step { get; private set; }

    public void PhaseComputed(long step, int phase) => gate?.Computed(run.RunId, slot, step, phase);

    public void Applying(long step, int phase) => checkpoints?.WaitForCopy();

    public void StepCommitted(long step, Metrics metrics, StepTimes times)
    {
        Step = step;
        gate?.Committed(run.RunId, slot, step);
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
        if (keepsRun)
        {
            instruments.StepCommitted(run.Task, run.RunId, metrics, samples, times);
            KeepRun(step, metrics);
        }
        if (time.GetElapsedTime(reported) >= reportEvery)
        {
            reported = time.GetTimestamp();
            reporter.Progress(Progress(step));
        }
    }

    /// <summary>The round has come to its end in good order.</summary>
    /// <param name="checkpoint">Whether to leave a checkpoint of this step, whole and on disk.</param>
    public void Finish(long step, bool checkpoint)
    {
        if (!checkpoint)
        {
            BreakOff();
        }
        else if (checkpoints is not null)
        {
            checkpoints.Complete();
            if (checkpoints.Newest != step)
            {
                BeginCheckpoint(step);
                checkpoints.Complete();
            }
        }
        reporter.FinalProgress(Progress(step));
    }

    /// <summary>The next round is about to begin: it shall not wait for a slow disk. What has begun is still written.</summary>
    public void BreakOff() => brokeOff = true;

    public void Dispose()
    {
        try
        {
            if (!brokeOff)
            {
                checkpoints?.Complete();
            }
        }
        finally
        {
            checkpoints?.Dispose();
        }
    }

    private WorkerReport Progress(long step) => reporter.Report(ReportKind.Progress, step) with
    {
        KeepsRun = keepsRun,
        Metrics = keepsRun ? new(latest) : [],
        Best = checkpoints?.Best,
        Units = units,
        Elapsed = time.GetElapsedTime(started),
        ComputePerShard = computePerShard,
    };

    private void KeepRun(long step, Metrics metrics)
    {
        var measured = replica.Measure.Occasional && metrics.TryGet(replica.Measure.Metric, out _);
        var remarkable = measured || step == replica.TotalSteps;
        if (remarkable || history!.IsDue(step))
        {
            Attempt("learning curve cannot be written", () => history!.Add(step, metrics, remarkable));
        }
        if (replica.SamplesDue(step - 1))
        {
            Attempt("samples cannot be written", () => replica.WriteSamples(Directory.CreateDirectory(Path.Combine(run.Output, "samples")).FullName, step - 1));
        }
        var isBest = measured && checkpoints!.IsBest(metrics[replica.Measure.Metric], replica.Measure);
        if (isBest || (run.CheckpointEvery > 0 && step % run.CheckpointEvery == 0))
        {
            BeginCheckpoint(step);
        }
    }

    private void BeginCheckpoint(long step)
    {
        checkpoints!.Begin(replica.State, new()
        {
            Spec = run,
            Step = step,
            TotalSteps = replica.TotalSteps,
            StepsPerEpoch = replica.StepsPerEpoch,
            Metrics = new(latest, StringComparer.Ordinal),
            Scalars = new(replica.State.Scalars, StringComparer.Ordinal),
            Measure = replica.Measure,
            WeightsSha256 = "",
            Written = time.GetUtcNow(),
            Files = [],
        });
    }

    private void Report(CheckpointOutcome outcome)
    {
        instruments.CheckpointEnded(run.Task, outcome);
        // On a slow disk every step may have its checkpoint passed over; all are counted, the first in a row is told.
        var told = Interlocked.Exchange(ref passedOver, outcome.PassedOverFor is not null) && outcome.PassedOverFor is not null;
        if (!told)
        {
            reporter.Checkpoint(outcome.Step, outcome.Message);
        }
    }

    /// <summary>Goes on without what the disk refuses. Every failure is counted, the first in a row is told.</summary>
    private void Attempt(string failure, Action act)
    {
        try
        {
            act();
            failing.Remove(failure);
            instruments.OutputEnded(run.Task, failed: false);
        }
        catch (Exception error) when (error.IsStorageFault())
        {
            instruments.OutputEnded(run.Task, failed: true);
            if (failing.Add(failure))
            {
                reporter.StorageFault(Step, $"The {failure}: {error.Message}");
            }
        }
    }
}

using Granary.Contracts;
using Granary.Grains.Telemetry;
using Granary.Training.Checkpoints;
using Granary.Training.Exchange;
using Granary.Training.Files;
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

    /// <summary>How long the result of a run may be lost to a kill, where its spec does not say after how many steps to write one.</summary>
    private static readonly TimeSpan CheckpointInterval = TimeSpan.FromMinutes(5);

    // For a disk that takes no checkpoint: the last one is waited for, that of a run that stops only for a while.
    private static readonly TimeSpan DiskPause = TimeSpan.FromSeconds(1), DiskPatience = TimeSpan.FromSeconds(30), RemindEvery = TimeSpan.FromSeconds(5);

    // Of so many workers each reports at that pace; of more all together do as often.
    private const int FullPace = 8;
    private const double Memory = 0.8;
    private readonly SlotRound round;
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
    private readonly int shards, workers;
    private readonly IStepGate? gate;
    private TimeSpan computePerShard;
    private long reported;
    private double units;
    private bool passedOver, refused;
    private bool brokeOff;
    private long bytesSent;
    private long checkpointBegun;
    private TimeSpan sinceCheckpoint;
    private (long Step, int Workers) agreed;
    private Exception? refusal;

    /// <param name="run">The round's, with the switches that are in force.</param>
    /// <param name="alike">How many replicas are known to begin with this state.</param>
    public StepRecorder(SlotRound round, RunSpec run, ITrainingReplica replica, long from, int alike, IExchange exchange, TrainingInstruments instruments, TimeProvider time, IStepGate? gate)
    {
        var assignment = round.Plan.Workers[round.Worker];
        (slot, shards, workers) = (assignment.Slot.Key, assignment.ShardEnd - assignment.ShardStart, round.Plan.Workers.Count);
        (this.round, this.run, this.replica, this.exchange) = (round, run, replica, exchange);
        (this.instruments, this.time, this.gate) = (instruments, time, gate);
        (keepsRun, reporter, Step) = (round.Worker == 0, round.Reporter, from);
        agreed = (from, alike);
        started = reported = checkpointBegun = time.GetTimestamp();
        reportEvery = keepsRun ? ReportEvery : ReportEvery * Math.Max(1, run.Workers / FullPace);
        if (keepsRun)
        {
            history = new(run.Output, from, replica.TotalSteps);
            var store = new CheckpointStore(run.Output);
            checkpoints = new(store, run.Keep, Report, instruments.CheckpointCopied);
            checkpoints.Prepare(replica.State);
            // Later ones are of a course that is now repeated; should they be damaged, they are written again.
            Attempt("earlier checkpoints cannot be read", () => Adopt(store.Manifests().Where(manifest => manifest.Step <= from).ToList()));
        }
    }

    /// <summary>Steps committed.</summary>
    public long Step { get; private set; }

    private bool IsCheckpointLate => time.GetElapsedTime(checkpointBegun) + sinceCheckpoint >= CheckpointInterval;

    public bool WantsComparison => keepsRun && run.CheckpointEvery == 0 && IsCheckpointLate;

    public bool ComparesAt(long step, Metrics metrics) => step % run.VerifyEvery == 0 || IsCheckpointDue(step) || IsMeasured(metrics);

    public void StatesAgree(long step, int workers) => agreed = (step, workers);

    public void PhaseComputed(long step, int phase) => gate?.Computed(run.RunId, slot, step, phase, replica.State);

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

    /// <summary>
    /// Leaves a checkpoint of this step, whole and on disk. For that of the last step, which is the run's result, it waits until
    /// the disk takes it or somebody asks to stop; for others not long, as no bit is lost without them.
    /// </summary>
    /// <returns>Why there is none; <see langword="null"/>: there is, or another worker leaves it.</returns>
    public string? LeaveCheckpoint(long step, bool isLast)
    {
        if (checkpoints is null)
        {
            return null;
        }
        checkpoints.Complete();
        long begun = time.GetTimestamp(), reminded = 0;
        while (checkpoints.Newest != step)
        {
            BeginCheckpoint(step);
            checkpoints.Complete();
            if (checkpoints.Newest == step)
            {
                break;
            }
            var full = refusal?.IsDiskFull() == true;
            var why = $"The {(isLast ? "last checkpoint" : "checkpoint")}, of step {step}, could not be written: {refusal?.Message}";
            if (round.Over.IsCancellationRequested || (isLast ? round.Stop.IsRaised : time.GetElapsedTime(begun) > DiskPatience))
            {
                return why;
            }
            if (reminded == 0 || time.GetElapsedTime(reminded) > RemindEvery)
            {
                reminded = time.GetTimestamp();
                reporter.Remark(step, $"{why} {(full ? $"Waits for room in {run.Output}." : "Tries again and again.")}");
            }
            if (isLast && full)
            {
                checkpoints.MakeRoom();
            }
            round.Over.WaitHandle.WaitOne(DiskPause);
        }
        return null;
    }

    /// <summary>The round has come to its end in good order.</summary>
    public void Finish(long step)
    {
        BreakOff();
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
        var measured = IsMeasured(metrics);
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
        if (isBest || IsCheckpointDue(step) || (WantsComparison && agreed.Step == step))
        {
            BeginCheckpoint(step);
        }
    }

    /// <param name="earlier">Checkpoints of rounds before, newest first.</param>
    private void Adopt(List<CheckpointManifest> earlier)
    {
        earlier.ForEach(checkpoints!.Adopt);
        // However often rounds change, the interval goes on.
        sinceCheckpoint = earlier.Count > 0 && time.GetUtcNow() - earlier[0].Written is { Ticks: > 0 } since ? since : TimeSpan.Zero;
    }

    private bool IsCheckpointDue(long step) => run.CheckpointEvery > 0 && step % run.CheckpointEvery == 0;

    private bool IsMeasured(Metrics metrics) => replica.Measure.Occasional && metrics.TryGet(replica.Measure.Metric, out _);

    private void BeginCheckpoint(long step)
    {
        (checkpointBegun, sinceCheckpoint) = (time.GetTimestamp(), TimeSpan.Zero);
        checkpoints!.Begin(replica.State, CheckpointManifest.Of(run, replica, step) with
        {
            Agreed = agreed.Step == step ? agreed.Workers : 1,
            Replicas = workers,
            Metrics = new(latest, StringComparer.Ordinal),
            Written = time.GetUtcNow(),
        });
    }

    private void Report(CheckpointOutcome outcome)
    {
        instruments.CheckpointEnded(run.Task, outcome);
        refusal = outcome.Failure;
        // On a slow or full disk every checkpoint may be passed over or fail; all are counted, the first in a row is told.
        var told = (Interlocked.Exchange(ref passedOver, outcome.PassedOverFor is not null) && outcome.PassedOverFor is not null)
            || (Interlocked.Exchange(ref refused, outcome.Failure is not null) && outcome.Failure is not null);
        if (!told)
        {
            reporter.Checkpoint(outcome.Step, outcome.Message, outcome.Written is not null);
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
                reporter.Remark(Step, $"The {failure}: {error.Message}");
            }
        }
    }
}

using Granary.Grains.Telemetry;
using Granary.Training.Checkpoints;
using Granary.Training.Files;
using Granary.Training.Runs;
using Granary.Training.Tasks;
using Granary.Training.TensorBoard;

namespace Granary.Grains.Slots;

/// <summary>Keeps the run directory, on the round's first worker: learning curve, samples, checkpoints, what TensorBoard shows. Training goes on without what the disk refuses.</summary>
internal sealed class RunKeeper : IDisposable
{
    /// <summary>How much training a kill may cost, where the spec does not say after how many steps to write a checkpoint.</summary>
    private static readonly TimeSpan CheckpointInterval = TimeSpan.FromMinutes(5);

    // For a disk that takes no checkpoint: the run's last one is waited for without limit, any other only for a while.
    private static readonly TimeSpan DiskPause = TimeSpan.FromSeconds(1), DiskPatience = TimeSpan.FromSeconds(30), RemindEvery = TimeSpan.FromSeconds(5);
    private const string CurveFailure = "learning curve cannot be written";
    private readonly SlotRound round;
    private readonly RunSpec run;
    private readonly ITrainingReplica replica;
    private readonly StepSchedule schedule;
    private readonly WorkerPulse pulse;
    private readonly TrainingInstruments instruments;
    private readonly TimeProvider time;
    private readonly RunHistory history;
    private readonly TensorBoardLog board;
    private readonly CheckpointWriter checkpoints;
    private readonly HashSet<string> failing = [];
    private bool passedOver, refused, brokeOff;
    private long checkpointBegun;
    private int attempts;
    private TimeSpan sinceCheckpoint;
    private Exception? refusal;

    /// <param name="run">The round's, with the switches that are in force.</param>
    public RunKeeper(SlotRound round, RunSpec run, ITrainingReplica replica, long from, StepSchedule schedule, WorkerPulse pulse, TrainingInstruments instruments, TimeProvider time)
    {
        (this.round, this.run, this.replica, this.schedule, this.pulse) = (round, run, replica, schedule, pulse);
        (this.instruments, this.time, Step) = (instruments, time, from);
        checkpointBegun = time.GetTimestamp();
        history = new(run.Output, from, replica.TotalSteps, time);
        board = new(run, from, round.Plan.Number, time);
        Describe();
        var store = new CheckpointStore(run.Output);
        checkpoints = new(store, run.Keep, Report, instruments.CheckpointCopied);
        checkpoints.Prepare(replica.State);
        // Later ones are of a course that is now repeated; should they be damaged, they are written again.
        Attempt("earlier checkpoints cannot be read", () => Adopt(store.Manifests().Where(manifest => manifest.Step <= from).ToList()));
        pulse.Best = () => checkpoints.Best;
    }

    /// <summary>Whether it would like a checkpoint of a state that all agree on.</summary>
    public bool WantsCheckpoint => run.CheckpointEvery == 0 && time.GetElapsedTime(checkpointBegun) + sinceCheckpoint >= CheckpointInterval;

    /// <summary>Steps committed.</summary>
    private long Step { get; set; }

    /// <summary>The state is about to change.</summary>
    public void WaitForCopy() => checkpoints.WaitForCopy();

    /// <param name="agreed">How many workers were found to have the state of this step.</param>
    public void StepCommitted(long step, Metrics metrics, int agreed)
    {
        Step = step;
        var measured = schedule.IsMeasured(metrics);
        var remarkable = measured || step == replica.TotalSteps;
        if (remarkable || history.IsDue(step))
        {
            Attempt(CurveFailure, () => history.Add(step, metrics, remarkable));
            board.AddMetrics(step, metrics);
        }
        if (replica.SamplesDue(step - 1))
        {
            Attempt("samples cannot be written", () => WriteSamples(step));
        }
        if (schedule.AreHistogramsDue(step))
        {
            board.AddHistograms(step, replica.State);
        }
        if (board.IsDue)
        {
            FlushBoard();
        }
        var isBest = measured && checkpoints.IsBest(metrics[replica.Measure.Metric], replica.Measure);
        if (isBest || schedule.IsCheckpointDue(step) || (WantsCheckpoint && agreed > 0))
        {
            Begin(step, agreed);
        }
    }

    /// <summary>
    /// Leaves a checkpoint of this step, whole and on disk. For that of the last step, which is the run's result, it waits until
    /// the disk takes it or somebody asks to stop; for others not long, as no bit is lost without them.
    /// </summary>
    /// <returns>Why there is none; <see langword="null"/>: there is.</returns>
    public string? LeaveCheckpoint(long step, bool isLast, int agreed)
    {
        checkpoints.Complete();
        long begun = time.GetTimestamp(), reminded = 0;
        while (checkpoints.Newest != step)
        {
            Begin(step, agreed);
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
                round.Reporter.Remark(step, $"{why} {(full ? $"Waits for room in {run.Output}." : "Tries again and again.")}");
            }
            if (isLast && full)
            {
                checkpoints.MakeRoom();
            }
            round.Over.WaitHandle.WaitOne(DiskPause);
        }
        return null;
    }

    /// <summary>The next round is about to begin: it shall not wait for a slow disk. What has begun is still written.</summary>
    public void BreakOff()
    {
        brokeOff = true;
        FlushBoard();
    }

    public void Dispose()
    {
        Attempt(CurveFailure, history.Flush);
        try
        {
            if (!brokeOff)
            {
                FlushBoard();
                checkpoints.Complete();
            }
        }
        finally
        {
            checkpoints.Dispose();
        }
    }

    private void WriteSamples(long step)
    {
        var folder = Directory.CreateDirectory(Path.Combine(run.Output, "samples")).FullName;
        replica.WriteSamples(folder, step - 1);
        board.AddSamples(step, folder);
    }

    private void FlushBoard() => Attempt("event files for TensorBoard cannot be written", board.Flush);

    /// <param name="earlier">Checkpoints of rounds before, newest first.</param>
    private void Adopt(List<CheckpointManifest> earlier)
    {
        earlier.ForEach(checkpoints.Adopt);
        // However often rounds change, the interval goes on.
        sinceCheckpoint = earlier.Count > 0 && time.GetUtcNow() - earlier[0].Written is { Ticks: > 0 } since ? since : TimeSpan.Zero;
    }

    /// <summary>If the disk takes nothing, the learning curve tells of it.</summary>
    private void Describe()
    {
        try
        {
            new RunDescription(run, replica.TotalSteps, replica.StepsPerEpoch, replica.Measure, replica.Unit, time.GetUtcNow()).Write(run.Output);
        }
        catch (Exception error) when (error.IsStorageFault())
        {
        }
    }

    private void Begin(long step, int agreed)
    {
        (checkpointBegun, sinceCheckpoint) = (time.GetTimestamp(), TimeSpan.Zero);
        checkpoints.Begin(replica.State, CheckpointManifest.Of(run, replica, step) with
        {
            Agreed = Math.Max(1, agreed),
            Replicas = round.Plan.Workers.Count,
            Metrics = new(pulse.Latest.ToDictionary(), StringComparer.Ordinal),
            Written = time.GetUtcNow(),
        });
        FlushBoard();
    }

    private void Report(CheckpointOutcome outcome)
    {
        instruments.CheckpointEnded(run.Task, outcome);
        Trace(outcome);
        refusal = outcome.Failure;
        // On a slow or full disk every checkpoint may be passed over or fail; all are counted, the first in a row is told.
        var told = (Interlocked.Exchange(ref passedOver, outcome.PassedOverFor is not null) && outcome.PassedOverFor is not null)
            || (Interlocked.Exchange(ref refused, outcome.Failure is not null) && outcome.Failure is not null);
        if (!told)
        {
            round.Reporter.Checkpoint(outcome.Step, outcome.Message, outcome.Written is not null);
        }
    }

    private void Trace(CheckpointOutcome outcome)
    {
        if (outcome.PassedOverFor is null)
        {
            using var span = RunTrace.BeginOneOfMany("write checkpoint", ++attempts, round.Plan.Trace, run.RunId, time.GetUtcNow() - outcome.Duration)?
                .SetTag("round", round.Plan.Number).SetTag("slot", round.Plan.Workers[round.Worker].Slot.Key).SetTag("step", outcome.Step);
            if (outcome.Failure is not null)
            {
                span.Fail(outcome.Message);
            }
        }
    }

    /// <summary>Every failure is counted, the first in a row is told.</summary>
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
                round.Reporter.Remark(Step, $"The {failure}: {error.Message}");
            }
        }
    }
}

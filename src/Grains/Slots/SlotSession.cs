using Granary.Contracts;
using Granary.Grains.Coordinator;
using Granary.Grains.Telemetry;
using Granary.Training.Checkpoints;
using Granary.Training.Exchange;
using Granary.Training.Loop;
using Granary.Training.Shards;
using Granary.Training.Tasks;
using Microsoft.Extensions.Logging;

namespace Granary.Grains.Slots;

/// <summary>What one slot holds and does: at most one replica, at most one round.</summary>
internal sealed partial class SlotSession(
    string slot,
    TrainingEnvironment environment,
    RoundRendezvous rendezvous,
    IGrainFactory grains,
    TrainingInstruments instruments,
    TimeProvider time,
    ILogger<SlotSession> logger) : IDisposable
{
    private readonly SlotThread thread = new($"slot {slot}");
    private readonly Lock gate = new();
    private CancellationTokenSource stop = new();
    private IExchange? exchange;
    private RoundPlan? plan;
    private int worker;

    // Touched on the slot's thread only.
    private ITrainingReplica? replica;
    private string? replicaOf;
    private TrainingSpec? spec;
    private long? standsAt;

    public async Task<PrepareReply> PrepareAsync(RoundPlan next, int index)
    {
        lock (gate)
        {
            if (plan is not null && plan.Spec.RunId == next.Spec.RunId && next.Number < plan.Number)
            {
                return new() { Failure = $"Round {next.Number} is over: slot {slot} is in round {plan.Number}." };
            }
            exchange?.Abort($"Round {next.Number} begins.");
            exchange = null;
            plan = next;
            worker = index;
            stop = new();
        }
        return await thread.RunAsync(() => MakeReady(next));
    }

    public async Task StartAsync(string runId, long round, StartPoint start)
    {
        var (current, index, cancellation) = Current(runId, round) ?? throw new InvalidOperationException($"Slot {slot} is not in round {round} of run {runId}.");
        if (start.Behind.Contains(index))
        {
            await thread.RunAsync(() => Restore(current.Spec, start.Step));
        }
        var joined = current.Spec.Exchange == ExchangeKind.Coordinator
            ? new CoordinatorExchange(grains.GetGrain<ICoordinatorGrain>(runId), round, index)
            : await rendezvous.JoinAsync(current, index);
        lock (gate)
        {
            if (plan != current)
            {
                joined.Dispose();
                return;
            }
            exchange = joined;
        }
        _ = thread.RunAsync(() => Train(current, index, joined, cancellation));
    }

    public void Stop(string runId, long round)
    {
        if (Current(runId, round) is { } current)
        {
            current.Stop.Cancel();
        }
    }

    public async Task ReleaseAsync(string runId, long round)
    {
        lock (gate)
        {
            if (plan is null || plan.Spec.RunId != runId || round < plan.Number)
            {
                return;
            }
            exchange?.Abort("The run is over.");
            exchange = null;
            plan = null;
        }
        await thread.RunAsync(DisposeReplica);
    }

    public void Dispose()
    {
        lock (gate)
        {
            exchange?.Abort("The silo is shutting down.");
        }
        _ = thread.RunAsync(DisposeReplica);
        thread.Dispose();
    }

    private (RoundPlan Plan, int Worker, CancellationTokenSource Stop)? Current(string runId, long round)
    {
        lock (gate)
        {
            return plan is not null && plan.Spec.RunId == runId && plan.Number == round ? (plan, worker, stop) : null;
        }
    }

    private PrepareReply MakeReady(RoundPlan round)
    {
        try
        {
            spec = SpecOf(round.Spec);
            CheckOutput(round);
            if (replica is null || replicaOf != round.Spec.RunId)
            {
                DisposeReplica();
                CreateReplica(round.Spec.RunId);
            }
            return new()
            {
                Step = standsAt,
                TotalSteps = replica!.TotalSteps,
                StepsPerEpoch = replica.StepsPerEpoch,
                Unit = replica.Unit,
                Measure = replica.Measure.Metric,
                Switches = new(environment.Switches),
            };
        }
        catch (Exception error) when (error is TrainingDataException or TaskSettingException or UnknownTaskException or CheckpointException or ArgumentException or IOException or UnauthorizedAccessException)
        {
            LogCannotStart(error, round.Spec.RunId, slot);
            return new() { Failure = error.Message };
        }
    }

    private static void CheckOutput(RoundPlan round)
    {
        var output = Directory.CreateDirectory(round.Spec.Output);
        if (round.Number == 1 && !round.Spec.Resume && output.EnumerateFileSystemInfos().Any())
        {
            throw new IOException($"{output.FullName} is not empty. Choose another --out, or go on with what is there: granary resume {output.FullName}");
        }
    }

    private TrainingSpec SpecOf(RunSpec run)
    {
        foreach (var (name, value) in run.Switches)
        {
            if (environment.Switches.GetValueOrDefault(name) is var here && here != value)
            {
                throw new ArgumentException($"The run was made with {name}={value}, here it is {here ?? "unknown"}: the bits would differ. Resume it on a machine like the first, or give up the promise with --other-machine.");
            }
        }
        return new()
        {
            Task = run.Task,
            Seed = run.Seed,
            Shards = run.Shards,
            Steps = run.Steps,
            Epochs = run.Epochs,
            Data = run.Data,
            Settings = TaskSettings.Complete(environment.Tasks[run.Task], run.Settings),
            Switches = environment.Switches,
        };
    }

    private void CreateReplica(string runId)
    {
        replica = environment.Tasks[spec!.Task].CreateReplica(spec);
        replicaOf = runId;
        standsAt = 0;
        LogReplicaReady(spec.Task, slot, runId);
    }

    private void Restore(RunSpec run, long step)
    {
        if (standsAt == step)
        {
            return;
        }
        if (step == 0)
        {
            DisposeReplica();
            CreateReplica(run.RunId);
            return;
        }
        CheckpointStore.Load(new CheckpointStore(run.Output).Open(step), replica!);
        standsAt = step;
        LogRestored(step, slot, run.RunId);
    }

    private void DisposeReplica()
    {
        replica?.Dispose();
        replica = null;
        replicaOf = null;
        standsAt = null;
    }

    private void Train(RoundPlan round, int index, IExchange joined, CancellationTokenSource cancellation)
    {
        var assignment = round.Workers[index];
        var reporter = new WorkerReporter(grains.GetGrain<ICoordinatorGrain>(round.Spec.RunId), round.Number, index);
        using var owned = joined;
        using var loop = new TrainingLoop(replica!, new ShardRange(assignment.ShardStart, assignment.ShardEnd), round.Spec.Shards);
        var from = standsAt!.Value;
        standsAt = null;
        StepRecorder? recorder = null;
        try
        {
            recorder = new(round.Spec, spec!, replica!, from, keepsRun: index == 0, joined, reporter, instruments, time);
            var step = loop.Run(new(from), joined, recorder, cancellation.Token);
            standsAt = step;
            recorder.Finish(step);
            reporter.End(step == replica!.TotalSteps ? ReportKind.Finished : ReportKind.Stopped, step, WeightsHash.Of(replica.State), null);
        }
        catch (ExchangeAbortedException aborted)
        {
            standsAt = loop.Position.Phase > 0 ? null : recorder!.Step;
            LogRoundAborted(round.Number, slot, aborted.Message);
            reporter.End(ReportKind.Aborted, recorder!.Step, null, aborted.Message);
        }
        catch (Exception error)
        {
            LogTrainingFailed(error, round.Spec.RunId, slot);
            joined.Abort(error.Message);
            reporter.End(ReportKind.Failed, recorder?.Step ?? from, null, error.Message);
        }
        finally
        {
            recorder?.Dispose();
        }
    }

    [LoggerMessage(LogLevel.Debug, "Replica of {Task} ready in slot {Slot} for run {RunId}")]
    private partial void LogReplicaReady(string task, string slot, string runId);

    [LoggerMessage(LogLevel.Information, "Restored step {Step} in slot {Slot} for run {RunId}")]
    private partial void LogRestored(long step, string slot, string runId);

    [LoggerMessage(LogLevel.Warning, "Run {RunId} cannot start in slot {Slot}")]
    private partial void LogCannotStart(Exception error, string runId, string slot);

    [LoggerMessage(LogLevel.Warning, "Round {Round} broke off in slot {Slot}: {Reason}")]
    private partial void LogRoundAborted(long round, string slot, string reason);

    [LoggerMessage(LogLevel.Error, "Run {RunId} failed in slot {Slot}")]
    private partial void LogTrainingFailed(Exception error, string runId, string slot);
}

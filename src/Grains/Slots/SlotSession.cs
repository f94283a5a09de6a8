using Granary.Contracts;
using Granary.Grains.Coordinator;
using Granary.Grains.Telemetry;
using Granary.Grains.Worker;
using Granary.Training.Checkpoints;
using Granary.Training.Exchange;
using Granary.Training.Loop;
using Granary.Training.Runs;
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
    ILogger<SlotSession> logger,
    IStepGate? stepGate) : IDisposable
{
    private readonly SlotThread thread = new($"slot {slot}");
    private readonly SlotReplica replica = new(environment);
    private readonly RoundFence fence = new();
    private readonly Lock gate = new();
    private SlotRound? current;

    /// <summary>Whether a run counts on the slot at this moment.</summary>
    public bool IsInRound => Volatile.Read(ref current) is { HasEnded: false };

    /// <exception cref="SlotGoneException">The plan means a life of this slot that has ended.</exception>
    public async Task<PrepareReply> PrepareAsync(RoundPlan plan, int worker)
    {
        // A silo that is back within a moment is reached under the name of the one that is lost.
        if (plan.Workers[worker].Slot.Node.Process != rendezvous.Process)
        {
            throw new SlotGoneException($"The silo of slot {slot} has been started again.");
        }
        lock (gate)
        {
            if (!fence.TryEnter(plan.Spec.RunId, plan.Number))
            {
                LogFenced(plan.Number, plan.Spec.RunId, slot, fence.Newest(plan.Spec.RunId));
                return new() { Fenced = true, Failure = $"Round {plan.Number} is over: slot {slot} has seen round {fence.Newest(plan.Spec.RunId)}." };
            }
            LeaveRound($"Round {plan.Number} begins.");
            current = new(plan, worker, new(grains.GetGrain<ICoordinatorGrain>(plan.Spec.RunId), plan.Number, worker));
        }
        return await thread.RunAsync(() => MakeReady(plan.Spec, () => CheckOutput(plan)));
    }

    /// <summary>Builds the replica while the run's round goes on without this slot.</summary>
    public async Task<bool> WarmUpAsync(RunSpec run)
    {
        lock (gate)
        {
            if (current is { HasEnded: false })
            {
                return false;
            }
        }
        return await thread.RunAsync(() => MakeReady(run, () => { })) is { Failure: null };
    }

    /// <summary>The newest whole checkpoint of the run's directory.</summary>
    public Task<CheckpointReply> FindCheckpointAsync(RunSpec run) => Task.Run(() =>
    {
        var warnings = new List<string>();
        var newest = new CheckpointStore(run.Output).Latest(damage => warnings.Add(damage.Message));
        return new CheckpointReply(newest?.Manifest.Step, warnings);
    });

    public async Task StartAsync(string runId, long round, StartPoint start)
    {
        var mine = Current(runId, round) ?? throw new InvalidOperationException($"Slot {slot} is not in round {round} of run {runId}.");
        if (start.Source is null && start.Behind.Contains(mine.Worker))
        {
            await thread.RunAsync(() => replica.Restore(mine.Plan.Spec, start.Step));
            LogRestored(start.Step, slot, runId);
        }
        var exchange = mine.Plan.Spec.Exchange == ExchangeKind.Coordinator
            ? new CoordinatorExchange(grains.GetGrain<ICoordinatorGrain>(runId), round, mine.Worker)
            : await rendezvous.JoinAsync(mine.Plan, mine.Worker, mine.Over);
        lock (gate)
        {
            if (!mine.TryBegin(exchange))
            {
                exchange.Dispose();
                if (mine.Over.IsCancellationRequested)
                {
                    rendezvous.Leave(mine.Plan);
                }
                return;
            }
        }
        _ = thread.RunAsync(() => Train(mine, exchange, start));
    }

    public void Stop(string runId, long round, bool checkpoint) => Current(runId, round)?.Stop.Raise(checkpoint);

    public AttendReply Attend(string runId, long round) => Current(runId, round) is { HasBegun: true } mine ? new(true, mine.Reporter.End) : new(false, null);

    public async Task ReleaseAsync(string runId, long round)
    {
        lock (gate)
        {
            if (!fence.TryLeave(runId, round) && fence.Current is not null)
            {
                return;
            }
            LeaveRound("The run is over.");
        }
        await thread.RunAsync(replica.Dispose);
    }

    public void Dispose()
    {
        lock (gate)
        {
            LeaveRound("The silo is shutting down.");
        }
        _ = thread.RunAsync(replica.Dispose);
        thread.Dispose();
    }

    private SlotRound? Current(string runId, long round)
    {
        lock (gate)
        {
            return fence.IsCurrent(runId, round) ? current : null;
        }
    }

    private void LeaveRound(string reason)
    {
        if (current is { } last)
        {
            last.End(reason);
            rendezvous.Leave(last.Plan);
            current = null;
        }
    }

    private PrepareReply MakeReady(RunSpec run, Action check)
    {
        try
        {
            check();
            replica.MakeReady(run);
            if (replica.Failure is { } failure)
            {
                return new() { Failure = failure, TaskFailed = true };
            }
            return new()
            {
                Step = replica.Position?.Step,
                Phase = replica.Position?.Phase ?? 0,
                TotalSteps = replica.Replica!.TotalSteps,
                StepsPerEpoch = replica.Replica.StepsPerEpoch,
                Unit = replica.Replica.Unit,
                Measure = replica.Replica.Measure.Metric,
                Switches = new(environment.Switches),
            };
        }
        catch (Exception error) when (error is TrainingDataException or TaskSettingException or UnknownTaskException or ArgumentException or IOException or UnauthorizedAccessException)
        {
            LogCannotStart(error, run.RunId, slot);
            return new() { Failure = error.Message };
        }
    }

    private static void CheckOutput(RoundPlan round)
    {
        if (round.Number > 1)
        {
            return;
        }
        var output = Directory.CreateDirectory(round.Spec.Output);
        if (!round.Spec.Resume && output.EnumerateFileSystemInfos().Any())
        {
            throw new IOException($"{output.FullName} is not empty. Choose another --out, or go on with what is there: granary resume {output.FullName}");
        }
    }

    private void Train(SlotRound round, IExchange exchange, StartPoint start)
    {
        var (plan, reporter) = (round.Plan, round.Reporter);
        using var owned = exchange;
        var step = start.Step;
        try
        {
            if (start.Source is { } source && start.Behind.Count > 0)
            {
                Share(round, exchange, start, source);
            }
            var from = replica.Position!.Value;
            var (assignment, trained) = (plan.Workers[round.Worker], replica.Replica!);
            using var loop = new TrainingLoop(trained, new ShardRange(assignment.ShardStart, assignment.ShardEnd), plan.Spec.Shards, replica.Metrics);
            using var recorder = new StepRecorder(replica.Spec!, trained, from.Step, round.Worker == 0, slot, assignment.ShardEnd - assignment.ShardStart, exchange, reporter, instruments, time, stepGate);
            try
            {
                replica.Position = null;
                step = loop.Run(from, exchange, recorder, round.Stop);
                recorder.Finish(step, checkpoint: step == trained.TotalSteps || loop.CheckpointWanted);
            }
            catch (ExchangeAbortedException)
            {
                recorder.BreakOff();
                throw;
            }
            finally
            {
                replica.Position = loop.Position;
                step = loop.Position.Step;
            }
            reporter.Finish(step == trained.TotalSteps ? ReportKind.Finished : ReportKind.Stopped, step, WeightsHash.Of(trained.State), null);
        }
        catch (ExchangeAbortedException aborted)
        {
            LogRoundAborted(plan.Number, slot, aborted.Message);
            reporter.Finish(ReportKind.Aborted, step, null, aborted.Message);
        }
        catch (Exception error)
        {
            LogTrainingFailed(error, plan.Spec.RunId, slot);
            exchange.Abort(error.Message);
            replica.Failure = error.Message;
            reporter.Finish(ReportKind.Failed, step, null, error.Message, (error as NonFiniteException)?.Shard ?? (error as ShardFailedException)?.Shard);
        }
    }

    private void Share(SlotRound round, IExchange exchange, StartPoint start, int source)
    {
        var isBehind = start.Behind.Contains(round.Worker);
        if (isBehind)
        {
            replica.Position = null;
        }
        exchange.Share(new(replica.Replica!.State, replica.Metrics), source, start.Behind);
        if (isBehind)
        {
            replica.Replica.StateRestored();
            replica.Position = new(start.Step, start.Phase);
            LogCopied(start.Step, slot, round.Plan.Spec.RunId, round.Plan.Workers[source].Slot.Key);
        }
    }

    [LoggerMessage(LogLevel.Information, "Restored step {Step} in slot {Slot} for run {RunId}")]
    private partial void LogRestored(long step, string slot, string runId);

    [LoggerMessage(LogLevel.Information, "Copied step {Step} into slot {Slot} for run {RunId} from {Source}")]
    private partial void LogCopied(long step, string slot, string runId, string source);

    [LoggerMessage(LogLevel.Warning, "Refused round {Round} of run {RunId} in slot {Slot}, which has seen round {Newest}")]
    private partial void LogFenced(long round, string runId, string slot, long newest);

    [LoggerMessage(LogLevel.Warning, "Run {RunId} cannot start in slot {Slot}")]
    private partial void LogCannotStart(Exception error, string runId, string slot);

    [LoggerMessage(LogLevel.Warning, "Round {Round} broke off in slot {Slot}: {Reason}")]
    private partial void LogRoundAborted(long round, string slot, string reason);

    [LoggerMessage(LogLevel.Error, "Run {RunId} failed in slot {Slot}")]
    private partial void LogTrainingFailed(Exception error, string runId, string slot);
}

using System.Diagnostics;
using Granary.Contracts;
using Granary.Grains.Telemetry;
using Granary.Training.Checkpoints;
using Granary.Training.Exchange;
using Granary.Training.Exchange.Links;
using Granary.Training.Loop;
using Granary.Training.Runs;
using Granary.Training.Shards;
using Granary.Training.Tasks;
using Microsoft.Extensions.Logging;

namespace Granary.Grains.Slots;

/// <summary>What one slot holds and does: at most one replica, at most one round.</summary>
internal sealed partial class SlotSession(string slot, string device, SlotServices services, ILogger<SlotSession> logger) : IDisposable
{
    // A read that does not come back, from a network file system that is gone, say, holds a thread for good.
    private static readonly TimeSpan ReleaseTime = TimeSpan.FromSeconds(30);
    private SlotThread thread = new($"slot {slot}");
    private SlotReplica replica = new(services.Environment, device, services.Time);
    private readonly RoundFence fence = new();
    private readonly Lock gate = new();
    private SlotRound? current;

    /// <summary>Whether a run counts on the slot at this moment.</summary>
    public bool IsInRound => Volatile.Read(ref current) is { HasEnded: false };

    /// <exception cref="SlotGoneException">The plan is for a life of this slot that has ended.</exception>
    public Task<PrepareReply> PrepareAsync(RoundPlan plan, int worker)
    {
        // A silo that is back within a moment is reached under the name of the one that is lost.
        if (plan.Workers[worker].Slot.Node.Process != services.Rendezvous.Process)
        {
            throw new SlotGoneException($"The silo of slot {slot} has been started again.");
        }
        lock (gate)
        {
            if (current is { } same && same.Plan.Secret == plan.Secret)
            {
                return same.Prepared;
            }
            if (!fence.TryEnter(plan.Spec.RunId, plan.Number))
            {
                LogFenced(plan.Number, plan.Spec.RunId, slot, fence.Newest(plan.Spec.RunId));
                return Task.FromResult(new PrepareReply { Fenced = true, Failure = $"Round {plan.Number} is over: slot {slot} has seen round {fence.Newest(plan.Spec.RunId)}." });
            }
            LeaveRound($"Round {plan.Number} begins.");
            // Work that hangs on the slot's thread must find its own replica when it comes back, not the next one.
            var held = replica;
            var prepared = thread.RunAsync(() =>
            {
                using var span = Span("prepare worker", plan);
                var reply = MakeReady(held, plan.Spec, () => held.Keep(worker == 0 ? plan : null)) with { Meeting = MeetingOf(plan, worker, held) };
                if (reply.Failure is not null)
                {
                    span.Fail(reply.Failure);
                }
                return reply;
            });
            current = new(plan, worker, new(services.Grains.GetGrain<ICoordinatorGrain>(plan.Spec.RunId), plan.Number, worker), thread, held, prepared);
            return prepared;
        }
    }

    /// <summary>Builds the replica while the run's round goes on without this slot.</summary>
    public async Task<bool> WarmUpAsync(RunSpec run)
    {
        Task<PrepareReply> ready;
        lock (gate)
        {
            if (current is { HasEnded: false })
            {
                return false;
            }
            var held = replica;
            ready = thread.RunAsync(() => MakeReady(held, run, () => { }));
        }
        return await ready is { Failure: null };
    }

    public Task<CheckpointReply> FindCheckpointAsync(string runId, long round, CheckpointRequest request)
    {
        lock (gate)
        {
            var mine = Mine(runId, round);
            return mine.Found ??= Task.Run(() => FindCheckpoint(mine.Plan.Spec.Output, request));
        }
    }

    public Task<StartReply> StartAsync(string runId, long round, StartPoint start)
    {
        lock (gate)
        {
            var mine = Mine(runId, round);
            return mine.Started ??= BeginAsync(mine, start);
        }
    }

    public void Stop(string runId, long round, bool checkpoint) => Current(runId, round)?.Stop.Raise(checkpoint);

    public RoundStateReply RoundStateOf(string runId, long round) => Current(runId, round) is { HasBegun: true } mine ? new(true, mine.Reporter.End) : new(false, null);

    public async Task ReleaseAsync(string runId, long round)
    {
        SlotThread holding;
        Task released;
        lock (gate)
        {
            if (!fence.TryLeave(runId, round) && fence.Current is not null)
            {
                return;
            }
            LeaveRound("The run is over.");
            (holding, released) = (thread, thread.RunAsync(replica.Dispose));
        }
        if (await Task.WhenAny(released, Task.Delay(ReleaseTime, services.Time)) != released)
        {
            GiveUp(holding, released, runId);
        }
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

    private static CheckpointReply FindCheckpoint(string directory, CheckpointRequest request)
    {
        var warnings = new List<string>();
        var store = new CheckpointStore(directory);
        var newest = store.All(damage => warnings.Add(damage.Message)).FirstOrDefault(checkpoint =>
            !request.Unusable.Contains(checkpoint.Manifest.Step) && (checkpoint.Manifest.IsAgreed || !request.Agreed));
        if (request.Agreed)
        {
            store.Withdraw(after: newest?.Manifest.Step ?? 0);
        }
        return new(newest?.Manifest.Step, warnings);
    }

    private async Task<StartReply> BeginAsync(SlotRound mine, StartPoint start)
    {
        var (runId, round) = (mine.Plan.Spec.RunId, mine.Plan.Number);
        if (start.Source is null && start.Behind.Contains(mine.Worker))
        {
            using var span = Span("load checkpoint", mine.Plan)?.SetTag("step", start.Step);
            try
            {
                await mine.Thread.RunAsync(() => mine.Replica.Restore(mine.Plan.Spec, start.Step));
            }
            catch (CheckpointException unusable)
            {
                LogUnusable(unusable, start.Step, slot, runId, round);
                span.Fail(unusable.Message);
                return new(Unusable: unusable.Message);
            }
            catch (Exception error) when (IsPermanent(error))
            {
                LogCannotStart(error, runId, slot);
                span.Fail(error.Message);
                return new(Unfit: error.Message);
            }
            LogRestored(start.Step, slot, runId, round);
        }
        IExchange exchange;
        using (Span("meet peers", mine.Plan))
        {
            exchange = mine.Plan.Spec.Exchange == ExchangeKind.Coordinator
                ? new CoordinatorExchange(services.Grains.GetGrain<ICoordinatorGrain>(runId), round, mine.Worker)
                : await services.Rendezvous.JoinAsync(mine.Plan, mine.Worker, mine.Over);
        }
        lock (gate)
        {
            if (!mine.TryBegin(exchange))
            {
                exchange.Dispose();
                if (mine.Over.IsCancellationRequested)
                {
                    services.Rendezvous.Leave(mine.Plan);
                }
                return new();
            }
        }
        _ = mine.Thread.RunAsync(() => Train(mine, exchange, start));
        return new();
    }

    /// <summary>The slot goes on with a new thread; the old one lets go of its replica if it ever comes back.</summary>
    private void GiveUp(SlotThread holding, Task released, string runId)
    {
        lock (gate)
        {
            if (thread != holding || released.IsCompleted)
            {
                return;
            }
            LogThreadGivenUp(slot, runId, ReleaseTime);
            holding.GiveUp(replica.Dispose);
            (thread, replica) = (new($"slot {slot}"), new(services.Environment, device, services.Time));
        }
    }

    private SlotRound Mine(string runId, long round) => Current(runId, round) ?? throw new InvalidOperationException($"Slot {slot} is not in round {round} of run {runId}.");

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
            services.Rendezvous.Leave(last.Plan);
            current = null;
        }
    }

    private PrepareReply MakeReady(SlotReplica held, RunSpec run, Action check)
    {
        try
        {
            check();
            held.MakeReady(run);
            if (held.Failure is { } failure)
            {
                return new() { Failure = failure, TaskFailed = true };
            }
            return new()
            {
                Step = held.Position?.Step,
                Digest = held.Position is { } at && at != new Position(0) ? StateComparison.DigestOf(held.Replica!.State) : null,
                Differs = held.Differs,
                Phase = held.Position?.Phase ?? 0,
                TotalSteps = held.Replica!.TotalSteps,
                StepsPerEpoch = held.Replica.StepsPerEpoch,
                Unit = held.Replica.Unit,
                Measure = held.Replica.Measure.Metric,
                LowerIsBetter = held.Replica.Measure.LowerIsBetter,
                Switches = held.Spec!.Switches.ToDictionary(),
            };
        }
        catch (Exception error)
        {
            LogCannotStart(error, run.RunId, slot);
            return new() { Failure = error.Message };
        }
    }

    /// <summary>See <see cref="PrepareReply.Meeting"/>.</summary>
    private byte[]? MeetingOf(RoundPlan plan, int worker, SlotReplica held)
    {
        if (plan.Workers.Count == 1 || plan.Spec.Exchange != ExchangeKind.PeerToPeer || !services.Rendezvous.IsAutomatic || (held.Replica as IDeviceReplica)?.DeviceExchanges is not { } exchanges)
        {
            return null;
        }
        if (exchanges.Lack is { } lack)
        {
            LogThroughHost(slot, plan.Spec.RunId, plan.Number, lack);
            return null;
        }
        try
        {
            return worker == 0 ? exchanges.CreateMeeting() : [];
        }
        catch (Exception error)
        {
            LogThroughHost(slot, plan.Spec.RunId, plan.Number, error.Message);
            return null;
        }
    }

    /// <summary>Whether it would fail here again.</summary>
    private static bool IsPermanent(Exception error) => error is TrainingDataException or TaskSettingException or UnknownTaskException or InsufficientMemoryException or ArgumentException;

    private void Train(SlotRound round, IExchange ordinary, StartPoint start)
    {
        var (plan, reporter, held) = (round.Plan, round.Reporter, round.Replica);
        var exchange = ordinary;
        var step = start.Step;
        string? unwritten = null;
        Activity? span = null;
        try
        {
            if (start.Source is { } source && start.Behind.Count > 0)
            {
                Share(held, round, exchange, start, source);
            }
            if (start.Meeting is { } meeting)
            {
                exchange = ((IDeviceReplica)held.Replica!).DeviceExchanges!.Join(ordinary, meeting, round.Worker, [.. plan.Workers.Select(worker => new ShardRange(worker.ShardStart, worker.ShardEnd))], out var remark);
                LogJoined(plan.Number, plan.Spec.RunId, slot, remark);
            }
            var from = held.Position!.Value;
            var (assignment, trained) = (plan.Workers[round.Worker], held.Replica!);
            span = Span("train shards", plan)?.SetTag("from", from.Step).SetTag("shards", $"[{assignment.ShardStart}, {assignment.ShardEnd})");
            using var loop = new TrainingLoop(trained, new ShardRange(assignment.ShardStart, assignment.ShardEnd), plan.Spec.Shards, held.Metrics);
            using var recorder = new StepRecorder(round, held.Spec!, trained, from.Step, StatesAgreed(plan, start), exchange, services);
            try
            {
                held.Position = null;
                step = loop.Run(from, exchange, recorder, round.Stop);
                if (step == trained.TotalSteps || loop.CheckpointWanted)
                {
                    unwritten = recorder.LeaveCheckpoint(step, isLast: step == trained.TotalSteps);
                }
                recorder.Finish(step);
            }
            catch (ExchangeAbortedException)
            {
                recorder.BreakOff();
                throw;
            }
            finally
            {
                held.Position = loop.Position;
                step = loop.Position.Step;
            }
            // Without its last checkpoint the run is not at its end: the next round writes it.
            reporter.Finish(step == trained.TotalSteps && unwritten is null ? ReportKind.Finished : ReportKind.Stopped, step, WeightsHash.Of(trained.State), unwritten);
        }
        catch (StatesDifferException differ)
        {
            (held.Position, held.Differs) = (null, true);
            LogStatesDiffer(plan.Number, plan.Spec.RunId, slot, differ.Step);
            span.Fail(differ.Message);
            reporter.Differ(differ);
        }
        catch (ExchangeAbortedException aborted)
        {
            LogRoundAborted(plan.Number, plan.Spec.RunId, slot, step, aborted.Message);
            span.Fail(aborted.Message);
            reporter.Finish(ReportKind.Aborted, step, null, aborted.Message);
        }
        catch (Exception error)
        {
            LogTrainingFailed(error, plan.Spec.RunId, plan.Number, slot, step);
            span.Fail(error.Message);
            exchange.Abort(error.Message);
            held.Failure = error.Message;
            reporter.Finish(ReportKind.Failed, step, null, error.Message, (error as NonFiniteException)?.Shard ?? (error as ShardFailedException)?.Shard);
        }
        finally
        {
            span?.SetTag("to", step).Dispose();
            exchange.Dispose();
        }
    }

    /// <summary>A part of the round's beginning, or what follows from it, in this slot.</summary>
    private Activity? Span(string name, RoundPlan plan) => RunTrace.Begin(name, plan.Trace, plan.Spec.RunId)?.SetTag("round", plan.Number).SetTag("slot", slot);

    /// <summary>How many replicas are known to have begun with one state: a state that one alone has given to the others was compared with nothing.</summary>
    private static int StatesAgreed(RoundPlan plan, StartPoint start) =>
        start.Source is null || plan.Workers.Count - start.Behind.Count > 1 ? plan.Workers.Count : 1;

    private void Share(SlotReplica held, SlotRound round, IExchange exchange, StartPoint start, int source)
    {
        var isBehind = start.Behind.Contains(round.Worker);
        if (isBehind)
        {
            held.Position = null;
        }
        using var span = Span("share state", round.Plan)?.SetTag("step", start.Step).SetTag("source", round.Plan.Workers[source].Slot.Key);
        exchange.Share(new(held.Replica!.State, held.Metrics), source, start.Behind);
        if (isBehind)
        {
            held.Replica.StateRestored();
            held.Position = new(start.Step, start.Phase);
            LogCopied(start.Step, slot, round.Plan.Spec.RunId, round.Plan.Number, round.Plan.Workers[source].Slot.Key);
        }
    }
}

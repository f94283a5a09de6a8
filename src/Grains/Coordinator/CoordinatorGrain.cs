using Granary.Contracts;
using Granary.Grains.Nodes;
using Granary.Grains.Persistence;
using Granary.Grains.Telemetry;
using Granary.Training.Runs;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Orleans.Concurrency;

namespace Granary.Grains.Coordinator;

/// <summary>Takes the calls that concern one run. Any of them may come at any moment: the run's own turns are those of its <see cref="RoundDriver"/>.</summary>
[Reentrant, CollectionAgeLimit(Minutes = 2)]
internal sealed class CoordinatorGrain : Grain, ICoordinatorGrain
{
    private static readonly TimeSpan WriteAgainEvery = TimeSpan.FromSeconds(5);
    private static readonly GrainTimerCreationOptions awake = new() { DueTime = TimeSpan.Zero, Period = TimeSpan.FromMinutes(1), KeepAlive = true };
    private readonly RunBook book;
    private readonly RoundDriver driver;
    private readonly string node;
    private readonly LimitOptions limits;

    public CoordinatorGrain(
        [PersistentState("run", GrainStorage.Name)] IPersistentState<RunRecord> record,
        IClusterMembershipService membership,
        IOptions<NodeOptions> node,
        TrainingEnvironment environment,
        TrainingInstruments instruments,
        TimeProvider time,
        ILogger<CoordinatorGrain> logger)
    {
        (this.node, limits) = (node.Value.Name, environment.Limits);
        book = new(this.GetPrimaryKeyString(), record, time, logger, LoseCommand);
        // A run must not be put to rest between two reports of its workers; one that has ended may.
        driver = new(book, membership, GrainFactory, instruments, time, logger, stayAwake: () => this.RegisterGrainTimer(_ => Task.CompletedTask, awake));
    }

    private string RunId => book.RunId;

    private RunStatus Status => book.Status;

    private IClusterGrain Cluster => GrainFactory.GetGrain<IClusterGrain>(0);

    public override Task OnActivateAsync(CancellationToken cancellationToken)
    {
        this.RegisterGrainTimer(_ => book.WriteAgainAsync(), new GrainTimerCreationOptions { DueTime = WriteAgainEvery, Period = WriteAgainEvery, Interleave = true });
        if (book.Record.Status is { } status)
        {
            book.Status = status with { Coordinator = node };
            if (status.HasEnded)
            {
                book.Events.Recall(Status);
            }
            else
            {
                book.Events.Add($"A new coordinator drives the run. Before: {status.Reason}", Status);
            }
            driver.Drive();
        }
        return Task.CompletedTask;
    }

    /// <summary>From here on the run is another activation's, which a worker's next report will wake.</summary>
    public override Task OnDeactivateAsync(DeactivationReason reason, CancellationToken cancellationToken)
    {
        book.Leave();
        driver.Nudge();
        return Task.CompletedTask;
    }

    public async Task<RunStatus> SubmitAsync(RunSpec spec, string? trace)
    {
        if (book.Record.Status is { } known)
        {
            return known.Spec.AsksTheSameAs(spec)
                ? known
                : throw new RunConflictException($"Run '{RunId}' exists with another spec. Choose another id.");
        }
        using var span = RunTrace.Begin("accept run", trace, RunId);
        span?.SetTag("task", spec.Task);
        book.Record.Trace = span?.Id ?? trace;
        await Cluster.AddRunAsync(RunId);
        await book.ChangeAsync(new() { Spec = spec, Workers = spec.Workers, Coordinator = node }, RunState.Queued, $"Waiting for {spec.Workers} free slots.");
        driver.Drive();
        return Status;
    }

    public Task<RunStatus> GetStatusAsync() => Task.FromResult(Status);

    public Task<List<RunEvent>> GetEventsAsync(long after, int most)
    {
        _ = Status;
        return Task.FromResult(book.Events.After(after, most));
    }

    public Task<List<WorkerStatus>> GetWorkersAsync() => Task.FromResult(driver.Round is { } round ? PaceWatch.StatusOf(round) : []);

    public Task CancelAsync(string reason, bool now) => StopAsync(reason, pausing: false, now);

    public Task PauseAsync(string reason) => StopAsync(reason, pausing: true);

    public async Task ResumeAsync()
    {
        if (Status.State == RunState.Paused)
        {
            await book.ChangeAsync(Status, RunState.Queued, "Resumed: waiting for free slots.");
            driver.Drive();
        }
    }

    public async Task ScaleAsync(int workers)
    {
        limits.CheckWorkers(workers);
        SpecRules.CheckWorkers(Status.Spec, workers);
        if (!Status.HasEnded)
        {
            await book.ChangeAsync(Status with { Workers = workers }, Status.State, $"Asked for {workers} workers.");
            driver.Nudge();
        }
    }

    public Task NudgeAsync()
    {
        driver.Nudge();
        // The cluster calls runs that lay claim to slots: one that ended as its silo died may not have given them back.
        if (!driver.IsDriving && book.Record.Status is { } status && (status.HasEnded || status.State == RunState.Paused))
        {
            Cluster.ReleaseAsync(RunId).Ignore();
        }
        return Task.CompletedTask;
    }

    public Task ReportAsync(WorkerReport report)
    {
        if (book.IsLeft)
        {
            throw new CommandLostException($"Run '{RunId}' is being handed over.");
        }
        if (report.Round > book.Record.Round)
        {
            book.LoseCommand();
            throw new CommandLostException($"Run '{RunId}' is in round {report.Round} under another coordinator.");
        }
        if (driver.Round is { } current && report.Round == current.Plan.Number)
        {
            driver.Hear(current, report);
        }
        // What cannot be heard now must not be lost: the worker tries again.
        return report.Round < book.Record.Round || driver.Round is not null || Status.HasEnded || Status.State == RunState.Paused
            ? Task.CompletedTask
            : throw new CommandLostException($"The coordinator of run '{RunId}' is not ready for reports of round {report.Round}.");
    }

    public Task<PartialMessage> SumAsync(SumRequest request) => RoundOf(request.Round).SumAsync(request);

    public Task<StateMessage> ShareAsync(long number, StateMessage? state) => RoundOf(number).ShareAsync(state);

    private RoundInProgress RoundOf(long number) => driver.Round is { } current && number == current.Plan.Number
        ? current
        : throw new InvalidOperationException($"Round {number} of run '{RunId}' is over.");

    private async Task StopAsync(string reason, bool pausing, bool now = false)
    {
        if (Status.HasEnded || (pausing && Status.State is RunState.Paused or RunState.Stopping))
        {
            return;
        }
        if (Status.State == RunState.Paused)
        {
            await driver.EndAsync(RunState.Cancelled, reason);
            return;
        }
        (book.Record.StopReason, book.Record.Pausing) = (reason, pausing);
        driver.IsHurried |= now;
        await book.ChangeAsync(Status, RunState.Stopping, reason);
        driver.Nudge();
    }

    private void LoseCommand()
    {
        driver.Nudge();
        DeactivateOnIdle();
    }
}

/// <summary>This activation is not in command of the run any more.</summary>
[GenerateSerializer]
public sealed class CommandLostException(string message) : Exception(message);

using Orleans.Concurrency;

namespace Granary.Contracts;

/// <summary>Owns one run, by its id: plans rounds, commits checkpoints, knows how the run stands.</summary>
public interface ICoordinatorGrain : IGrainWithStringKey
{
    /// <summary>Accepts the run, or finds it accepted already under the same spec.</summary>
    /// <exception cref="RunConflictException">Another spec has this id.</exception>
    Task<RunStatus> SubmitAsync(RunSpec spec);

    /// <exception cref="UnknownRunException"/>
    [AlwaysInterleave]
    Task<RunStatus> GetStatusAsync();

    /// <summary>Events after the given id, oldest first; only the newest are kept.</summary>
    [AlwaysInterleave]
    Task<List<RunEvent>> GetEventsAsync(long after);

    /// <summary>Stops at the next step boundary, with a checkpoint.</summary>
    Task CancelAsync(string reason);

    /// <summary>A worker of the round tells how it goes. Reports of older rounds are passed over.</summary>
    [AlwaysInterleave]
    Task ReportAsync(WorkerReport report);

    /// <summary>The exchange inside the coordinator: answers when all workers of the round have sent their partials.</summary>
    [AlwaysInterleave]
    [ResponseTimeout("00:10:00")]
    Task<PartialMessage> SumAsync(SumRequest request);
}

/// <summary>Fronts one slot; its key is <c>node/slot</c>. The replica lives in the silo's slot host.</summary>
public interface IWorkerGrain : IGrainWithStringKey
{
    /// <summary>
    /// Ends whatever the slot did in an older round and makes the replica ready. Answers with the step it stands at, or
    /// with the reason why the run cannot start here.
    /// </summary>
    [ResponseTimeout("00:15:00")]
    Task<PrepareReply> PrepareAsync(RoundPlan plan, int worker);

    /// <summary>Meets the round's peers and begins to train. Restores a checkpoint, or step 0, first if asked to.</summary>
    [ResponseTimeout("00:15:00")]
    Task StartAsync(string runId, long round, StartPoint start);

    /// <summary>Asks the round to end at the next step boundary.</summary>
    [AlwaysInterleave]
    Task StopAsync(string runId, long round);

    /// <summary>The run is over: frees the replica.</summary>
    Task ReleaseAsync(string runId, long round);
}

/// <summary>The cluster's one list of nodes, slots and runs; key 0.</summary>
public interface IClusterGrain : IGrainWithIntegerKey
{
    /// <summary>A silo tells of itself, at its start and every now and then.</summary>
    Task RegisterAsync(NodeInfo node);

    Task<List<NodeInfo>> GetNodesAsync();

    /// <summary>Slots for a run; first come, first served. Asked again, the run's own slots count as free.</summary>
    /// <param name="minimum">With fewer than these the run waits.</param>
    /// <param name="wanted">More than these it does not get.</param>
    /// <returns>Empty while too few are free.</returns>
    Task<List<SlotInfo>> AcquireAsync(string runId, int minimum, int wanted);

    Task ReleaseAsync(string runId);

    Task AddRunAsync(string runId);

    /// <summary>Ids of all runs, newest first.</summary>
    Task<List<string>> GetRunsAsync();
}

[GenerateSerializer]
public sealed class RunConflictException(string message) : Exception(message);

[GenerateSerializer]
public sealed class UnknownRunException(string message) : Exception(message);

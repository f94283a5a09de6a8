using Granary.Training.Runs;
using Orleans.Concurrency;

namespace Granary.Contracts;

/// <summary>Owns one run, by its id: plans rounds, commits checkpoints, knows how the run stands.</summary>
public interface ICoordinatorGrain : IGrainWithStringKey
{
    /// <summary>Accepts the run, or finds it accepted already under the same spec.</summary>
    /// <param name="trace">The trace that the run is to be part of, as a W3C <c>traceparent</c>. Default: one of its own.</param>
    /// <exception cref="RunConflictException">Another spec has this id.</exception>
    Task<RunStatus> SubmitAsync(RunSpec spec, string? trace = null);

    /// <exception cref="UnknownRunException"/>
    [AlwaysInterleave]
    Task<RunStatus> GetStatusAsync();

    /// <summary>Events after the given id, oldest first; only the newest are kept.</summary>
    /// <param name="most">How many of them.</param>
    [AlwaysInterleave]
    Task<List<RunEvent>> GetEventsAsync(long after, int most = int.MaxValue);

    /// <summary>The workers of the newest round, in the order of their shards; none: there is no round.</summary>
    [AlwaysInterleave]
    Task<List<WorkerStatus>> GetWorkersAsync();

    /// <summary>Stops at the next step boundary, with a checkpoint, for good.</summary>
    /// <param name="now">At once: it waits neither for the step under way nor for a checkpoint.</param>
    Task CancelAsync(string reason, bool now = false);

    /// <summary>Stops at the next step boundary, with a checkpoint, and gives the slots back until <see cref="ResumeAsync"/>.</summary>
    Task PauseAsync(string reason);

    /// <summary>Lets a paused run go on.</summary>
    Task ResumeAsync();

    /// <summary>Changes the number of workers at the next step boundary.</summary>
    /// <exception cref="SpecException">Fewer than one, or more than the run has shards, or than its silo lets a run have.</exception>
    Task ScaleAsync(int workers);

    /// <summary>Nodes have come or gone, or somebody just makes sure that the coordinator is awake.</summary>
    [AlwaysInterleave]
    Task NudgeAsync();

    /// <summary>A worker of the round tells how it goes. Reports of older rounds are passed over.</summary>
    [AlwaysInterleave]
    Task ReportAsync(WorkerReport report);

    /// <summary>The exchange inside the coordinator: answers when all workers of the round have sent their partials.</summary>
    [AlwaysInterleave]
    [ResponseTimeout("00:10:00")]
    Task<PartialMessage> SumAsync(SumRequest request);

    /// <summary>The source passes its state; those behind pass <see langword="null"/> and get that state.</summary>
    [AlwaysInterleave]
    [ResponseTimeout("00:10:00")]
    Task<StateMessage> ShareAsync(long round, StateMessage? state);
}

/// <summary>Fronts one slot; its key is <c>node/slot</c>. The replica lives in the silo's slot host.</summary>
public interface IWorkerGrain : IGrainWithStringKey
{
    /// <summary>The time limit of calls that are answered at once: an answer that takes longer is lost.</summary>
    const string Soon = "00:00:05";

    /// <summary>
    /// Ends whatever the slot did in an older round and makes the replica ready. Answers with the step it stands at, or
    /// with the reason why the run cannot start here. Safe to repeat: a message may be lost with the connection that carried it.
    /// </summary>
    [ResponseTimeout("00:15:00")]
    Task<PrepareReply> PrepareAsync(RoundPlan plan, int worker);

    /// <summary>Builds the replica ahead of a round that will want it. Answers whether it could.</summary>
    [ResponseTimeout("00:15:00")]
    Task<bool> WarmUpAsync(RunSpec run);

    /// <summary>The newest whole checkpoint of the run's directory. Safe to repeat.</summary>
    [ResponseTimeout("00:15:00")]
    Task<CheckpointReply> FindCheckpointAsync(string runId, long round, CheckpointRequest request);

    /// <summary>Meets the round's peers, gets to where the round begins, and trains. Safe to repeat.</summary>
    [ResponseTimeout("00:15:00")]
    Task<StartReply> StartAsync(string runId, long round, StartPoint start);

    /// <summary>Asks the round to end at the next step boundary.</summary>
    [AlwaysInterleave]
    [ResponseTimeout(Soon)]
    Task StopAsync(string runId, long round, bool checkpoint);

    /// <summary>For a coordinator that takes over a round: whether the worker trains in it, and how its part ended, if it has.</summary>
    [AlwaysInterleave]
    [ResponseTimeout(Soon)]
    Task<RoundStateReply> GetRoundStateAsync(string runId, long round);

    /// <summary>The run is over: frees the replica.</summary>
    Task ReleaseAsync(string runId, long round);
}

/// <summary>The cluster's one list of nodes, slots and runs; key 0.</summary>
public interface IClusterGrain : IGrainWithIntegerKey
{
    /// <summary>A silo tells of itself, at its start and every now and then.</summary>
    [ResponseTimeout(IWorkerGrain.Soon)]
    Task RegisterAsync(NodeInfo node);

    /// <summary>The nodes that are up.</summary>
    Task<List<NodeInfo>> GetNodesAsync();

    /// <summary>What a silo that is gone has told of itself last; <see langword="null"/>: nobody remembers.</summary>
    [ResponseTimeout(IWorkerGrain.Soon)]
    Task<NodeInfo?> GetLastAsync(string silo);

    /// <summary>
    /// Slots for a run; first come, first served within a priority. A run that asks again keeps those it has, as far as they are
    /// still of use, and may get more or fewer.
    /// </summary>
    [ResponseTimeout(IWorkerGrain.Soon)]
    Task<SlotReply> AcquireAsync(SlotRequest request);

    /// <summary>The kind of device for a run that leaves it open: GPUs, if a node has some that may train it.</summary>
    /// <param name="versions">As in <see cref="SlotRequest"/>.</param>
    Task<string> ChooseDeviceAsync(Dictionary<string, string> versions);

    /// <summary>Takes a node out of use (until its silo starts anew), or back into it.</summary>
    /// <exception cref="UnknownNodeException"/>
    Task DrainAsync(string node, bool undo);

    /// <summary>Gives back whatever slots a run has, and its place in the queue.</summary>
    Task ReleaseAsync(string runId);

    /// <summary>Enters a run into the list of those that are known.</summary>
    /// <exception cref="LimitException">There are as many runs as may be at once.</exception>
    Task AddRunAsync(string runId);

    /// <summary>Whether the run was ever accepted: asking its coordinator would make one.</summary>
    Task<bool> KnowsAsync(string runId);

    /// <summary>Ids of all runs, newest first.</summary>
    Task<List<string>> GetRunsAsync();
}

/// <summary>Another run has the id. The message says which.</summary>
[GenerateSerializer]
public sealed class RunConflictException(string message) : Exception(message);

/// <summary>As many are at something as a limit allows. The message names it.</summary>
[GenerateSerializer]
public sealed class LimitException(string message) : Exception(message);

/// <summary>No node of this name is up.</summary>
[GenerateSerializer]
public sealed class UnknownNodeException(string message) : Exception(message);

/// <summary>No run has the id.</summary>
[GenerateSerializer]
public sealed class UnknownRunException(string message) : Exception(message);

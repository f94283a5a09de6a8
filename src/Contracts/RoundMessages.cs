using Granary.Training.Runs;
using Granary.Training.Tasks;

namespace Granary.Contracts;

/// <summary>A silo as a place to train.</summary>
/// <param name="Name">Stable over restarts; the first part of a worker's key.</param>
/// <param name="Silo">The address of this life of the silo.</param>
/// <param name="Process">Which operating-system process: workers of one process exchange through memory.</param>
/// <param name="DataHost">Where other processes reach its gradients' port.</param>
/// <param name="Slots">How many replicas it takes.</param>
[GenerateSerializer, Immutable]
public sealed record NodeInfo(
    [property: Id(0)] string Name,
    [property: Id(1)] string Silo,
    [property: Id(2)] Guid Process,
    [property: Id(3)] string DataHost,
    [property: Id(4)] int DataPort,
    [property: Id(5)] int Slots)
{
    /// <summary>Not to be used any more: its silo is leaving, or somebody asked for that.</summary>
    [Id(6)]
    public bool Draining { get; init; }

    /// <summary>Versions of its programs, such as <c>granary</c> and <c>torchsharp</c>: a run is trained by one version of each.</summary>
    [Id(7)]
    public Dictionary<string, string> Versions { get; init; } = [];

    /// <summary>The device of each slot, such as <c>cuda:0</c>, in the order of the slots. Default: none is named, all are on the processor.</summary>
    [Id(8)]
    public List<string> Devices { get; init; } = [];

    /// <summary>What the node's GPUs are, by their names.</summary>
    [Id(9)]
    public Dictionary<string, string> Gpus { get; init; } = [];

    /// <summary>Bytes of memory that its process takes.</summary>
    [Id(10)]
    public long MemoryUsed { get; init; }

    /// <summary>Bytes that it may take; 0: not told.</summary>
    [Id(11)]
    public long MemoryLimit { get; init; }

    /// <summary>Processors that its process may use.</summary>
    [Id(12)]
    public int Processors { get; init; }

    /// <summary>How many of them it has kept busy lately.</summary>
    [Id(13)]
    public double ProcessorsBusy { get; init; }
}

/// <summary>A slot, with its node as it was when the slot was given out.</summary>
[GenerateSerializer, Immutable]
public sealed record SlotInfo([property: Id(0)] NodeInfo Node, [property: Id(1)] int Index)
{
    /// <summary>The worker grain's key.</summary>
    public string Key => $"{Node.Name}/{Index}";

    /// <summary>Where its replica lives.</summary>
    public string Device => Index < Node.Devices.Count ? Node.Devices[Index] : DeviceName.Cpu;
}

/// <summary>A slot and the shards it trains in a round: from <paramref name="ShardStart"/> up to, not including, <paramref name="ShardEnd"/>.</summary>
[GenerateSerializer, Immutable]
public sealed record WorkerAssignment([property: Id(0)] SlotInfo Slot, [property: Id(1)] int ShardStart, [property: Id(2)] int ShardEnd);

/// <summary>A fixed set of workers with their shards. Workers of one process stand together.</summary>
/// <param name="Number">Only grows; whoever belongs to a lower one is refused.</param>
/// <param name="Secret">Known to the round's members only.</param>
[GenerateSerializer, Immutable]
public sealed record RoundPlan(
    [property: Id(0)] RunSpec Spec,
    [property: Id(1)] long Number,
    [property: Id(2)] Guid Secret,
    [property: Id(3)] List<WorkerAssignment> Workers)
{
    /// <summary>The span that began the round, as a W3C <c>traceparent</c>. Default: none.</summary>
    [Id(4)]
    public string? Trace { get; init; }
}

/// <summary>What a worker found when it made itself ready.</summary>
[GenerateSerializer, Immutable]
public sealed record PrepareReply
{
    /// <summary>Why the run cannot be trained, for the user; <see langword="null"/>: all is well.</summary>
    [Id(0)]
    public string? Failure { get; init; }

    /// <summary>The failure is the task's own: on another node it would fail alike.</summary>
    [Id(11)]
    public bool TaskFailed { get; init; }

    /// <summary>The slot belongs to a newer round than the one it was asked for: whoever asked is not in command any more.</summary>
    [Id(6)]
    public bool Fenced { get; init; }

    /// <summary>Steps that the replica has made; <see langword="null"/>: its state is no good and must be replaced.</summary>
    [Id(1)]
    public long? Step { get; init; }

    /// <summary>Phases of the next step that are applied already.</summary>
    [Id(10)]
    public int Phase { get; init; }

    /// <summary>Steps that the run shall have.</summary>
    [Id(2)]
    public long TotalSteps { get; init; }

    /// <summary>Steps that go once through the data.</summary>
    [Id(3)]
    public long StepsPerEpoch { get; init; }

    /// <summary>What one unit of a frame's weight is.</summary>
    [Id(4)]
    public string Unit { get; init; } = "";

    /// <summary>The metric that says how good the model is.</summary>
    [Id(5)]
    public string Measure { get; init; } = "";

    /// <summary>The switches that are in force at the node.</summary>
    [Id(7)]
    public Dictionary<string, string> Switches { get; init; } = [];

    /// <summary>A fingerprint of its state, to compare before anybody copies it; <see langword="null"/>: the state needs no comparing.</summary>
    [Id(12)]
    public ulong? Digest { get; init; }

    /// <summary>Whether a lower value of the measure is a better one.</summary>
    [Id(15)]
    public bool LowerIsBetter { get; init; }

    /// <summary>The replica has seen that the workers' states differ, and nobody may have heard of it yet.</summary>
    [Id(13)]
    public bool Differs { get; init; }

    /// <summary>By what workers on devices can find each other, made by the round's first worker; empty from the others; <see langword="null"/>: they exchange through the host.</summary>
    [Id(14)]
    public byte[]? Meeting { get; init; }
}

/// <summary>What a run directory is searched for.</summary>
/// <param name="Agreed">Whether only a checkpoint whose state all replicas agreed on will do; later ones are then withdrawn.</param>
/// <param name="Unusable">Steps of checkpoints that could not be loaded.</param>
[GenerateSerializer, Immutable]
public sealed record CheckpointRequest([property: Id(0)] bool Agreed, [property: Id(1)] List<long> Unusable);

/// <summary>The newest whole checkpoint of a run directory.</summary>
/// <param name="Step"><see langword="null"/>: there is none.</param>
/// <param name="Warnings">Checkpoints that were passed over, and why.</param>
[GenerateSerializer, Immutable]
public sealed record CheckpointReply([property: Id(0)] long? Step, [property: Id(1)] List<string> Warnings);

/// <summary>What a run asks the cluster for.</summary>
/// <param name="Minimum">With fewer than these it waits.</param>
/// <param name="Wanted">It gets no more than these.</param>
/// <param name="Started">It has had slots before: it may go on with fewer than it wants.</param>
/// <param name="Avoid">Silos that it could not reach a moment ago.</param>
/// <param name="Versions">Nodes with other versions of these programs cannot train this run.</param>
/// <param name="Holds">The slots it trains on at this moment: in case the list of nodes has not heard of all of theirs yet.</param>
[GenerateSerializer, Immutable]
public sealed record SlotRequest(
    [property: Id(0)] string RunId,
    [property: Id(1)] int Minimum,
    [property: Id(2)] int Wanted,
    [property: Id(3)] int Priority,
    [property: Id(4)] bool Started,
    [property: Id(5)] List<string> Avoid,
    [property: Id(6)] List<SlotInfo> Holds,
    [property: Id(7)] Dictionary<string, string> Versions)
{
    /// <summary>The kind of device that its slots must be on. Default: any.</summary>
    [Id(8)]
    public string Device { get; init; } = DeviceName.Any;
}

/// <param name="Slots">Empty while too few are free.</param>
/// <param name="Reason">Why there are none, in a sentence.</param>
[GenerateSerializer, Immutable]
public sealed record SlotReply([property: Id(0)] List<SlotInfo> Slots, [property: Id(1)] string Reason);

/// <summary>How a worker's start into a round went.</summary>
/// <param name="Unusable">Why the checkpoint that it was to begin from cannot be used; <see langword="null"/>: it can.</param>
/// <param name="Unfit">Why the run cannot be trained here, now or later; <see langword="null"/>: it can.</param>
[GenerateSerializer, Immutable]
public sealed record StartReply([property: Id(0)] string? Unusable = null, [property: Id(1)] string? Unfit = null);

/// <param name="Trains">Whether the worker has begun the round, and has not left it for another.</param>
/// <param name="End">The worker's last word on the round; <see langword="null"/>: it is still at it.</param>
[GenerateSerializer, Immutable]
public sealed record RoundStateReply([property: Id(0)] bool Trains, [property: Id(1)] WorkerReport? End);

/// <summary>Where all workers of a round begin, and how those that stand elsewhere get there.</summary>
/// <param name="Phase">Phases of the step that are applied already.</param>
/// <param name="Source">The worker whose state the others copy; <see langword="null"/>: they load the checkpoint of that step (0: the initial weights).</param>
/// <param name="Behind">The workers that stand elsewhere.</param>
[GenerateSerializer, Immutable]
public sealed record StartPoint([property: Id(0)] long Step, [property: Id(1)] int Phase, [property: Id(2)] int? Source, [property: Id(3)] List<int> Behind)
{
    /// <summary>By what the workers find each other on their devices; <see langword="null"/>: they exchange through the host.</summary>
    [Id(4)]
    public byte[]? Meeting { get; init; }
}

/// <summary>What a worker has to say.</summary>
[GenerateSerializer]
public enum ReportKind
{
    /// <summary>How far it is.</summary>
    Progress,
    /// <summary>A checkpoint has been written, or could not be.</summary>
    Checkpoint,

    /// <summary>Something that users should know, such as what the worker waits for.</summary>
    Remark,

    /// <summary>All steps are made.</summary>
    Finished,

    /// <summary>Stopped at a step boundary as asked.</summary>
    Stopped,

    /// <summary>The round broke off: a peer is gone.</summary>
    Aborted,

    /// <summary>The round broke off: the workers' states are not equal.</summary>
    Differs,

    /// <summary>The task itself failed: another round would fail alike.</summary>
    Failed,
}

/// <summary>What a worker tells the coordinator.</summary>
[GenerateSerializer, Immutable]
public sealed record WorkerReport
{
    /// <summary>Of which round.</summary>
    [Id(0)]
    public required long Round { get; init; }

    /// <summary>Its number within the round.</summary>
    [Id(1)]
    public required int Worker { get; init; }

    /// <summary>What it is about.</summary>
    [Id(2)]
    public required ReportKind Kind { get; init; }

    /// <summary>Steps committed.</summary>
    [Id(3)]
    public long Step { get; init; }

    /// <summary>What the newest step has learned.</summary>
    [Id(4)]
    public Dictionary<string, double> Metrics { get; init; } = [];

    /// <summary>Units of the steps since the round began.</summary>
    [Id(5)]
    public double Units { get; init; }

    /// <summary>Time since the round began.</summary>
    [Id(6)]
    public TimeSpan Elapsed { get; init; }

    /// <summary>A checkpoint's directory, or what went wrong.</summary>
    [Id(7)]
    public string? Message { get; init; }

    /// <summary>The hash of its weights, where the round has ended.</summary>
    [Id(8)]
    public string? WeightsSha256 { get; init; }

    /// <summary>The best validated value of the measure so far.</summary>
    [Id(9)]
    public double? Best { get; init; }

    /// <summary>How long the worker has lately computed on one shard in a step.</summary>
    [Id(10)]
    public TimeSpan ComputePerShard { get; init; }

    /// <summary>Whether the worker is the one that keeps the run directory: its metrics and units count.</summary>
    [Id(11)]
    public bool KeepsRun { get; init; }

    /// <summary>Of a failure: the shard it came from, if known.</summary>
    [Id(12)]
    public int? Shard { get; init; }

    /// <summary>Of a checkpoint: whether it was written.</summary>
    [Id(13)]
    public bool Written { get; init; }

    /// <summary>Of states that differ: the first shards of the workers without the most common state.</summary>
    [Id(14)]
    public List<int> Odd { get; init; } = [];
}

/// <summary>A partial sum on its way through a grain call: for small models only.</summary>
[GenerateSerializer, Immutable]
public sealed record PartialMessage(
    [property: Id(0)] int ShardStart,
    [property: Id(1)] int ShardEnd,
    [property: Id(2)] float[] Dense,
    [property: Id(3)] int[] RowNumbers,
    [property: Id(4)] float[] RowValues);

/// <summary>A replica's state on its way through grain calls: for small models only.</summary>
/// <param name="Header">All that is not tensors.</param>
/// <param name="Tensors">In the order of the replica's state.</param>
[GenerateSerializer, Immutable]
public sealed record StateMessage([property: Id(0)] byte[] Header, [property: Id(1)] List<float[]> Tensors);

/// <summary>One worker's partial sums of a phase, for the coordinator to add up.</summary>
[GenerateSerializer, Immutable]
public sealed record SumRequest(
    [property: Id(0)] long Round,
    [property: Id(1)] int Worker,
    [property: Id(2)] long Step,
    [property: Id(3)] int Phase,
    [property: Id(4)] List<PartialMessage> Partials);

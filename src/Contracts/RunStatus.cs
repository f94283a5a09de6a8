using Granary.Training.Runs;

namespace Granary.Contracts;

/// <summary>Where a run stands. From <see cref="Succeeded"/> on it stands there for good.</summary>
[GenerateSerializer]
public enum RunState
{
    /// <summary>It waits for slots.</summary>
    Queued,
    /// <summary>Its workers make themselves ready.</summary>
    Starting,
    /// <summary>It trains.</summary>
    Running,
    /// <summary>Something was lost; the next round is being made.</summary>
    Recovering,

    /// <summary>Stopped at a step boundary with a checkpoint, slots given back; goes on when asked to.</summary>
    Paused,
    /// <summary>It has been asked to stop, and does so at the next step boundary.</summary>
    Stopping,
    /// <summary>All steps are made, and the last checkpoint is whole.</summary>
    Succeeded,
    /// <summary>It cannot go on; the reason says why.</summary>
    Failed,
    /// <summary>It was asked to end early.</summary>
    Cancelled,
}

/// <summary>What is known of a run at one moment.</summary>
[GenerateSerializer, Immutable]
public sealed record RunStatus
{
    /// <summary>What was asked for, settled.</summary>
    [Id(0)]
    public required RunSpec Spec { get; init; }

    /// <summary>What it does.</summary>
    [Id(1)]
    public RunState State { get; init; }

    /// <summary>Why it is in this state, in a sentence.</summary>
    [Id(2)]
    public string Reason { get; init; } = "";

    /// <summary>Steps committed.</summary>
    [Id(3)]
    public long Step { get; init; }

    /// <summary>0 until the task has been asked.</summary>
    [Id(4)]
    public long TotalSteps { get; init; }

    /// <summary>Steps that go once through the data.</summary>
    [Id(5)]
    public long StepsPerEpoch { get; init; }

    /// <summary>The newest values of the metrics.</summary>
    [Id(6)]
    public Dictionary<string, double> Metrics { get; init; } = [];

    /// <summary>The metric that decides which checkpoint is best.</summary>
    [Id(7)]
    public string Measure { get; init; } = "";

    /// <summary>The best value of the measure so far, if it is known by validation.</summary>
    [Id(8)]
    public double? Best { get; init; }

    /// <summary>What is counted: tokens, words, images, samples.</summary>
    [Id(9)]
    public string Unit { get; init; } = "";

    /// <summary>Units trained on since the run, or its resumption, started.</summary>
    [Id(10)]
    public double Units { get; init; }

    /// <summary>How fast it trains, in units of weight.</summary>
    [Id(11)]
    public double UnitsPerSecond { get; init; }

    /// <summary>Time spent in training steps, without loading.</summary>
    [Id(12)]
    public TimeSpan Elapsed { get; init; }

    /// <summary>The number of the round; it only grows.</summary>
    [Id(13)]
    public long Round { get; init; }

    /// <summary>The slots in use, such as <c>silo-0/0</c> or <c>silo-0/0 on cuda:0</c>, with the shards they train.</summary>
    [Id(14)]
    public List<string> Slots { get; init; } = [];

    /// <summary>In how many processes its workers live.</summary>
    [Id(15)]
    public int Processes { get; init; }

    /// <summary>The newest checkpoint's directory.</summary>
    [Id(16)]
    public string? Checkpoint { get; init; }

    /// <summary>The weights' SHA-256 once the run has ended.</summary>
    [Id(17)]
    public string? WeightsSha256 { get; init; }

    /// <summary>What the bits depend on besides the spec.</summary>
    [Id(18)]
    public Dictionary<string, string> Switches { get; init; } = [];

    /// <summary>When it came into this state.</summary>
    [Id(19)]
    public DateTimeOffset Since { get; init; }

    /// <summary>Workers wanted now: as in the spec, until the run is scaled.</summary>
    [Id(20)]
    public int Workers { get; init; }

    /// <summary>The node that hosts the coordinator.</summary>
    [Id(21)]
    public string Coordinator { get; init; } = "";

    /// <summary>Whether a lower value of the measure is a better one.</summary>
    [Id(22)]
    public bool LowerIsBetter { get; init; }

    /// <summary>When its first round began; <see langword="null"/>: none has.</summary>
    [Id(23)]
    public DateTimeOffset? Started { get; init; }

    /// <summary>Whether nothing will happen to it any more.</summary>
    public bool HasEnded => State.HasEnded();
}

/// <summary>Something that happened to a run. Ids only grow: a watcher asks for what came after the last it saw.</summary>
[GenerateSerializer, Immutable]
public sealed record RunEvent([property: Id(0)] long Id, [property: Id(1)] DateTimeOffset Time, [property: Id(2)] string Message, [property: Id(3)] RunStatus Status)
{
    /// <summary>What it is about.</summary>
    [Id(4)]
    public EventKind Kind { get; init; }

    /// <summary>As it is written into the run's directory.</summary>
    public JournalEntry ToJournal() => new(Id, Time, Status.Step, Status.State.ToString().ToLowerInvariant(), Kind.ToString().ToLowerInvariant(), Message);
}

/// <summary>What an event is about.</summary>
[GenerateSerializer]
public enum EventKind
{
    /// <summary>Nothing new: how far the run is, without a message, or how it had ended before.</summary>
    Progress,
    /// <summary>It has come into a state.</summary>
    State,
    /// <summary>A round is being made.</summary>
    Round,
    /// <summary>A worker is lost, or the run goes on without it.</summary>
    Lost,
    /// <summary>Workers have joined.</summary>
    Joined,
    /// <summary>A checkpoint has been written.</summary>
    Checkpoint,
    /// <summary>Something else that users should know.</summary>
    Remark,
}

/// <summary>How a worker of a run's newest round fares.</summary>
/// <param name="Slot">Such as <c>silo-0/0</c>.</param>
/// <param name="Device">Where its replica lives.</param>
/// <param name="ShardStart">The first of its shards.</param>
/// <param name="ShardEnd">The one behind its last.</param>
[GenerateSerializer, Immutable]
public sealed record WorkerStatus(
    [property: Id(0)] string Slot, [property: Id(1)] string Node, [property: Id(2)] string Device, [property: Id(3)] int ShardStart, [property: Id(4)] int ShardEnd)
{
    /// <summary>How long it has lately computed on a shard; <see langword="null"/>: it has not told yet.</summary>
    [Id(5)]
    public TimeSpan? ComputePerShard { get; init; }

    /// <summary>Its time for a shard over the median of the others'; <see langword="null"/>: not known.</summary>
    [Id(6)]
    public double? StragglerScore { get; init; }
}

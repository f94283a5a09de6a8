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
    [property: Id(5)] int Slots);

/// <summary>A slot, with its node as it was when the slot was given out.</summary>
[GenerateSerializer, Immutable]
public sealed record SlotInfo([property: Id(0)] NodeInfo Node, [property: Id(1)] int Index)
{
    /// <summary>The worker grain's key.</summary>
    public string Key => $"{Node.Name}/{Index}";
}

/// <summary>A slot and the shards it trains in a round: from <paramref name="ShardStart"/> to before <paramref name="ShardEnd"/>.</summary>
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
    [property: Id(3)] List<WorkerAssignment> Workers);

/// <summary>What a worker found when it made itself ready.</summary>
[GenerateSerializer, Immutable]
public sealed record PrepareReply
{
    /// <summary>Why the run cannot be trained, for the user; <see langword="null"/>: all is well.</summary>
    [Id(0)]
    public string? Failure { get; init; }

    /// <summary>Steps the replica has behind it; <see langword="null"/>: it broke off within a step and must be restored.</summary>
    [Id(1)]
    public long? Step { get; init; }

    [Id(2)]
    public long TotalSteps { get; init; }

    [Id(3)]
    public long StepsPerEpoch { get; init; }

    [Id(4)]
    public string Unit { get; init; } = "";

    [Id(5)]
    public string Measure { get; init; } = "";

    [Id(7)]
    public Dictionary<string, string> Switches { get; init; } = [];

    /// <summary>Step of the newest whole checkpoint in the run directory, if the run may use it.</summary>
    [Id(8)]
    public long? CheckpointStep { get; init; }

    /// <summary>Checkpoints that were passed over, and why.</summary>
    [Id(9)]
    public List<string> Warnings { get; init; } = [];
}

/// <summary>Where all workers of a round begin.</summary>
/// <param name="Restore">Whether to go back to the checkpoint of that step (0: the initial weights) rather than stay.</param>
[GenerateSerializer, Immutable]
public sealed record StartPoint([property: Id(0)] long Step, [property: Id(1)] bool Restore);

[GenerateSerializer]
public enum ReportKind
{
    Progress,
    Checkpoint,

    /// <summary>All steps are made.</summary>
    Finished,

    /// <summary>Stopped at a step boundary as asked.</summary>
    Stopped,

    /// <summary>The round broke off: a peer is gone.</summary>
    Aborted,

    /// <summary>The task itself failed: another round would fail alike.</summary>
    Failed,
}

/// <summary>What a worker tells the coordinator.</summary>
[GenerateSerializer, Immutable]
public sealed record WorkerReport
{
    [Id(0)]
    public required long Round { get; init; }

    [Id(1)]
    public required int Worker { get; init; }

    [Id(2)]
    public required ReportKind Kind { get; init; }

    [Id(3)]
    public long Step { get; init; }

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

    [Id(8)]
    public string? WeightsSha256 { get; init; }

    /// <summary>The best validated value of the measure so far.</summary>
    [Id(9)]
    public double? Best { get; init; }
}

/// <summary>A partial sum on its way through a grain call: for small models only.</summary>
[GenerateSerializer, Immutable]
public sealed record PartialMessage(
    [property: Id(0)] int ShardStart,
    [property: Id(1)] int ShardEnd,
    [property: Id(2)] float[] Dense,
    [property: Id(3)] int[] RowNumbers,
    [property: Id(4)] float[] RowValues);

[GenerateSerializer, Immutable]
public sealed record SumRequest(
    [property: Id(0)] long Round,
    [property: Id(1)] int Worker,
    [property: Id(2)] long Step,
    [property: Id(3)] int Phase,
    [property: Id(4)] List<PartialMessage> Partials);

namespace Granary.Contracts;

/// <summary>
/// What a client asks for. The first part determines the weights; the second how and where they are made, which changes
/// no bit.
/// </summary>
[GenerateSerializer, Immutable]
public sealed record RunSpec
{
    /// <summary>Chosen by the client: submitting the same spec under the same id twice is one run.</summary>
    [Id(0)]
    public required string RunId { get; init; }

    /// <summary>A task's name, such as <c>lm</c>.</summary>
    [Id(1)]
    public required string Task { get; init; }

    [Id(2)]
    public ulong Seed { get; init; } = 1;

    /// <summary>Fixed slices of every batch. Default: 4.</summary>
    [Id(3)]
    public int Shards { get; init; } = 4;

    /// <summary>Steps in all; <see langword="null"/>: by epochs.</summary>
    [Id(4)]
    public long? Steps { get; init; }

    /// <summary>Passes over the data; <see langword="null"/>: the task's default.</summary>
    [Id(5)]
    public double? Epochs { get; init; }

    /// <summary>A path on the silos; <see langword="null"/>: the task's built-in data.</summary>
    [Id(6)]
    public string? Data { get; init; }

    /// <summary>Settings that differ from the task's defaults.</summary>
    [Id(7)]
    public Dictionary<string, string> Settings { get; init; } = [];

    /// <summary>The switches the run began with, if it is resumed; a silo with others refuses.</summary>
    [Id(8)]
    public Dictionary<string, string> Switches { get; init; } = [];

    /// <summary>Workers to train on, at most as many as shards. Default: 1.</summary>
    [Id(9)]
    public int Workers { get; init; } = 1;

    /// <summary>The run directory, a path on the silos.</summary>
    [Id(10)]
    public required string Output { get; init; }

    /// <summary>Steps between checkpoints; 0: only at the end and when the measure improves. Default: 0.</summary>
    [Id(11)]
    public long CheckpointEvery { get; init; }

    /// <summary>How many of the newest checkpoints to keep, the best besides. Default: 3.</summary>
    [Id(12)]
    public int Keep { get; init; } = 3;

    /// <summary>How gradients are exchanged.</summary>
    [Id(13)]
    public ExchangeKind Exchange { get; init; }

    /// <summary>Go on from the newest whole checkpoint in <see cref="Output"/>.</summary>
    [Id(14)]
    public bool Resume { get; init; }

    /// <summary>With fewer free slots than these the run waits to start. Default: 0, for all of <see cref="Workers"/>.</summary>
    [Id(15)]
    public int MinWorkers { get; init; }

    /// <summary>Of the runs that wait, those of a higher priority start first. Default: 0.</summary>
    [Id(16)]
    public int Priority { get; init; }

    /// <summary>Whether both ask for the same run; records compare their dictionaries by reference only.</summary>
    public bool AsksTheSameAs(RunSpec other) =>
        this with { Settings = other.Settings, Switches = other.Switches } == other
        && Same(Settings, other.Settings) && Same(Switches, other.Switches);

    private static bool Same(Dictionary<string, string> left, Dictionary<string, string> right) =>
        left.Count == right.Count && left.All(entry => right.TryGetValue(entry.Key, out var value) && value == entry.Value);
}

/// <summary>How the workers' sums become one.</summary>
[GenerateSerializer]
public enum ExchangeKind
{
    /// <summary>Peer to peer: through memory within a process, over sockets between processes.</summary>
    PeerToPeer,

    /// <summary>Inside the coordinator grain: for small models, and as the oracle for the other.</summary>
    Coordinator,
}

using System.Text.Json;
using System.Text.Json.Serialization;
using Granary.Training.Tasks;

namespace Granary.Training.Runs;

/// <summary>
/// A run as it was asked for: what determines its weights, and besides how and where they are made, which changes no bit. Settled
/// once by <see cref="SpecRules"/>, then stored whole: with the coordinator, and in every checkpoint.
/// </summary>
public sealed record RunSpec : TrainingSpec
{
    private static readonly JsonSerializerOptions json = new() { PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower };

    /// <summary>Chosen by the client: submitting the same spec under the same id twice is one run.</summary>
    public required string RunId { get; init; }

    /// <summary>The run directory, a path on the silos.</summary>
    public required string Output { get; init; }

    /// <summary>Workers to train on, at most as many as shards. Default: 1.</summary>
    public int Workers { get; init; } = 1;

    /// <summary>With fewer free slots than these the run waits to start. Default: 0, for all of <see cref="Workers"/>.</summary>
    public int MinWorkers { get; init; }

    /// <summary>Of the runs that wait, those of a higher priority start first. Default: 0.</summary>
    public int Priority { get; init; }

    /// <summary>Steps between checkpoints; 0: every few minutes, at the end, and when the measure improves. Default: 0.</summary>
    public long CheckpointEvery { get; init; }

    /// <summary>How many of the newest checkpoints to keep, the best besides. Default: 3.</summary>
    public int Keep { get; init; } = 3;

    /// <summary>Steps between comparisons of the workers' states, besides those at every checkpoint and before every copy of state. Default: 20.</summary>
    public long VerifyEvery { get; init; } = 20;

    /// <summary>Steps between histograms of the weights, for TensorBoard; 0: none. Default: 0.</summary>
    public long HistogramsEvery { get; init; }

    /// <summary>
    /// The kind of device to train on, of those that <see cref="DeviceName"/> names; <c>auto</c> is settled by the gateway, by what the cluster has. A task that does not
    /// use devices is trained in any slot. Default: <c>cpu</c>.
    /// </summary>
    public string Device { get; init; } = DeviceName.Cpu;

    /// <summary>How gradients are exchanged.</summary>
    public ExchangeKind Exchange { get; init; }

    /// <summary>Go on from the newest whole checkpoint in <see cref="Output"/>.</summary>
    public bool Resume { get; init; }

    /// <summary>Versions of the programs that may train the run: <c>granary</c>, <c>torchsharp</c>. Filled in when it is settled.</summary>
    public IReadOnlyDictionary<string, string> Versions { get; init; } = new Dictionary<string, string>();

    /// <summary>Whether both ask for the same run.</summary>
    public bool AsksTheSameAs(RunSpec other) => Sorted().ToJson() == other.Sorted().ToJson();

    /// <summary>Whether both make the same weights on one machine: how and where is not looked at, nor <see cref="TrainingSpec.Switches"/>.</summary>
    public bool TrainsTheSameAs(RunSpec other) => TrainingJson() == other.TrainingJson();

    /// <summary>The text that <see cref="FromJson"/> reads.</summary>
    public string ToJson() => JsonSerializer.Serialize(this, json);

    /// <exception cref="JsonException"/>
    public static RunSpec FromJson(string text) => JsonSerializer.Deserialize<RunSpec>(text, json) ?? throw new JsonException("A spec is an object.");

    private string TrainingJson() => JsonSerializer.Serialize<TrainingSpec>(Sorted() with { Switches = new Dictionary<string, string>() }, json);

    private RunSpec Sorted() => this with { Settings = Sorted(Settings), Switches = Sorted(Switches), DataFiles = Sorted(DataFiles), InitFiles = Sorted(InitFiles), SettingFiles = Sorted(SettingFiles), Versions = Sorted(Versions) };

    private static SortedDictionary<string, string> Sorted(IReadOnlyDictionary<string, string> entries) =>
        new(entries.ToDictionary(), StringComparer.Ordinal);
}

/// <summary>How the workers' sums become one.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<ExchangeKind>))]
public enum ExchangeKind
{
    /// <summary>Peer to peer: through memory within a process, over sockets between processes.</summary>
    PeerToPeer,

    /// <summary>Inside the coordinator grain: for small models, and as the oracle for the other.</summary>
    Coordinator,
}

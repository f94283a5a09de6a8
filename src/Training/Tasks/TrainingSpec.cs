namespace Granary.Training.Tasks;

/// <summary>
/// All that determines the weights of a run, and nothing else: two runs of one spec end with the same bits, on whatever
/// number of workers. Immutable; saved in every checkpoint.
/// </summary>
public record TrainingSpec
{
    /// <summary>The task's name, such as <c>lm</c>.</summary>
    public required string Task { get; init; }

    /// <summary>Seeds the initial weights and, with step, phase and shard, every later random number. Default: 1.</summary>
    public ulong Seed { get; init; } = 1;

    /// <summary>How many slices every batch has. The upper bound for workers; changing it changes the result. Default: 4.</summary>
    public int Shards { get; init; } = 4;

    /// <summary>Updates to make in all; <see langword="null"/>: as many as <see cref="Epochs"/> need.</summary>
    public long? Steps { get; init; }

    /// <summary>Passes over the data; <see langword="null"/> (with no steps either): the task's default.</summary>
    public double? Epochs { get; init; }

    /// <summary>Where the data lie; <see langword="null"/>: the small generated set that is built in.</summary>
    public string? Data { get; init; }

    /// <summary>
    /// The SHA-256 of each file that training reads of <see cref="Data"/>, by its name there: a path alone would let two machines
    /// with different files agree on wrong weights. Filled in when the run is settled, and compared wherever it is trained.
    /// </summary>
    public IReadOnlyDictionary<string, string> DataFiles { get; init; } = new Dictionary<string, string>();

    /// <summary>
    /// Weights to begin with: a safetensors file, a folder with one, or the directory of a run; <see langword="null"/>: those that follow
    /// from the seed.
    /// </summary>
    public string? Init { get; init; }

    /// <summary>Which tensor of <see cref="Init"/> becomes which of the model: rules <c>from=to</c>, see <see cref="Runs.WeightMap"/>.</summary>
    public IReadOnlyList<string> InitMap { get; init; } = [];

    /// <summary>The SHA-256 of each file of <see cref="Init"/>, as of <see cref="DataFiles"/>.</summary>
    public IReadOnlyDictionary<string, string> InitFiles { get; init; } = new Dictionary<string, string>();

    /// <summary>The SHA-256 of each file that a setting names, behind the setting's name, as of <see cref="DataFiles"/>.</summary>
    public IReadOnlyDictionary<string, string> SettingFiles { get; init; } = new Dictionary<string, string>();

    /// <summary>The task's settings by name, complete with defaults once bound.</summary>
    public IReadOnlyDictionary<string, string> Settings { get; init; } = new Dictionary<string, string>();

    /// <summary>
    /// What else the bits depend on: math threads, matmul mode, vector width, libtorch. Recorded when the run starts,
    /// compared when it is resumed.
    /// </summary>
    public IReadOnlyDictionary<string, string> Switches { get; init; } = new Dictionary<string, string>();

    /// <summary>Total steps, once the task knows how many make an epoch.</summary>
    public long TotalSteps(long stepsPerEpoch, double defaultEpochs) =>
        Steps ?? Math.Max(1, (long)Math.Ceiling((Epochs ?? defaultEpochs) * stepsPerEpoch));
}

using Granary.Silo.Directories;
using Granary.Training.Checkpoints;
using Granary.Training.Runs;

namespace Granary.Silo.Page;

/// <summary>A run as a row of the page's table: what the page reads as JSON.</summary>
/// <param name="State">As the cluster has it, or, of a run on a disk, <c>ended</c> where nothing more is known.</param>
/// <param name="SecondsLeft"><see langword="null"/>: it does not train, or nobody can tell.</param>
/// <param name="Elapsed">Seconds spent in training.</param>
/// <param name="Weights">The hash of its weights, once it has ended.</param>
internal record RunRow(
    string Id, string Task, string State, string Reason, long Step, long TotalSteps, long StepsPerEpoch, string Measure, bool LowerIsBetter, double? Best,
    IReadOnlyDictionary<string, double> Metrics, string Unit, double UnitsPerSecond, double? SecondsLeft, double Elapsed, int Workers, long Round,
    DateTimeOffset Since, DateTimeOffset? Started, string? Weights, string Output)
{
    /// <summary>
    /// How long steps will take; <see langword="null"/>: nobody can tell. By units, not by the time they took so far: a run that was resumed has not made all its steps in the
    /// time that it has trained.
    /// </summary>
    public static double? SecondsFor(long steps, IReadOnlyDictionary<string, double> metrics, double unitsPerSecond)
    {
        var seconds = steps * metrics.GetValueOrDefault(Training.Tasks.Metrics.Samples) / unitsPerSecond;
        return double.IsFinite(seconds) && seconds >= 0 ? seconds : null;
    }
}

/// <summary>All that the page tells of one run.</summary>
internal sealed record RunDetails : RunRow
{
    public RunDetails(RunRow row) : base(row)
    {
    }

    public required SpecView? Spec { get; init; }

    public required IReadOnlyDictionary<string, string> Switches { get; init; }

    public required IReadOnlyDictionary<string, string> Versions { get; init; }

    /// <summary>What repeats the run; <see langword="null"/>: nobody knows its spec.</summary>
    public required string? Command { get; init; }

    public required IReadOnlyList<SlotView> Slots { get; init; }

    public required int Processes { get; init; }

    public required string Coordinator { get; init; }

    public required IReadOnlyList<CheckpointView> Checkpoints { get; init; }

    public required IReadOnlyList<SampleView> Samples { get; init; }

    /// <summary>The names of the metrics that have one.</summary>
    public required IEnumerable<string> Curves { get; init; }

    public bool CanPause { get; init; }

    public bool CanResume { get; init; }

    public bool CanCancel { get; init; }

    public bool CanScale { get; init; }
}

/// <summary>A spec without what the page has no use for.</summary>
internal sealed record SpecView(
    string Task, ulong Seed, int Shards, long? Steps, double? Epochs, string? Data, IReadOnlyDictionary<string, string> DataFiles, IReadOnlyDictionary<string, string> Settings, string? Init, IReadOnlyList<string> InitMap,
    string Device, int Workers, int MinWorkers, int Priority, long CheckpointEvery, int Keep, long VerifyEvery)
{
    public static SpecView Of(RunSpec spec) => new(
        spec.Task, spec.Seed, spec.Shards, spec.Steps, spec.Epochs, spec.Data, spec.DataFiles, spec.Settings, spec.Init, spec.InitMap,
        spec.Device, spec.Workers, spec.MinWorkers, spec.Priority, spec.CheckpointEvery, spec.Keep, spec.VerifyEvery);
}

/// <param name="EndShard">The one behind its last.</param>
/// <param name="ComputePerShard">Seconds.</param>
internal sealed record SlotView(string Slot, string Device, string Node, int FirstShard, int EndShard, double? Score, double? ComputePerShard);

internal sealed record CheckpointView(long Step, DateTimeOffset Written, long Bytes, double? Measure, int Agreed, int Replicas, string Sha256, bool Best)
{
    /// <summary>Newest first; those that are damaged, or go while they are looked at, are passed over.</summary>
    public static IReadOnlyList<CheckpointView> ListOf(string runDirectory)
    {
        var manifests = new CheckpointStore(runDirectory).Manifests().ToList();
        var best = CheckpointStore.BestOf(manifests);
        return [.. manifests.Select(manifest => Of(runDirectory, manifest, best)).OfType<CheckpointView>()];
    }

    private static CheckpointView? Of(string runDirectory, CheckpointManifest manifest, CheckpointManifest? best)
    {
        var files = new DirectoryInfo(new CheckpointStore(runDirectory).DirectoryOf(manifest.Step));
        return !files.Exists ? null : new(
            manifest.Step, manifest.Written, files.EnumerateFiles().Sum(file => file.Length), manifest.Score is { } score && double.IsFinite(score) ? score : null,
            manifest.Agreed, manifest.Replicas, manifest.WeightsSha256, manifest == best);
    }
}

internal sealed record SampleView(long Step, string Name, string Kind, string Url)
{
    public static SampleView Of(string runId, RunSample sample) => new(
        sample.Step, sample.Name, sample.Kind.ToString().ToLowerInvariant(), $"/api/runs/{Uri.EscapeDataString(runId)}/samples/{Uri.EscapeDataString(sample.Name)}");
}

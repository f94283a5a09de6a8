using Granary.Training.Runs;
using Granary.Training.Tasks;

namespace Granary.Silo.Directories;

/// <summary>What a run directory tells of its run at a glance.</summary>
internal sealed record RunDigest
{
    /// <summary>The directory's name among those beside it.</summary>
    public required string Name { get; init; }

    /// <summary>Where it lies.</summary>
    public required string Directory { get; init; }

    /// <summary>What was asked for; <see langword="null"/>: neither a description nor a whole checkpoint tells.</summary>
    public RunSpec? Spec { get; init; }

    /// <summary>Steps committed, as far as they were recorded.</summary>
    public long Step { get; init; }

    /// <summary>Steps that the run shall have; 0: not known.</summary>
    public long TotalSteps { get; init; }

    /// <summary>Steps that go once through the data; 0: not known.</summary>
    public long StepsPerEpoch { get; init; }

    /// <summary>What says how good the model is; <see langword="null"/>: not known.</summary>
    public Measure? Measure { get; init; }

    /// <summary>The best value of the measure among the checkpoints, if it is known by validation.</summary>
    public double? Best { get; init; }

    /// <summary>What its speed is counted in; empty: not known.</summary>
    public string Unit { get; init; } = "";

    /// <summary>The newest values of the metrics.</summary>
    public IReadOnlyDictionary<string, double> Metrics { get; init; } = new Dictionary<string, double>();

    /// <summary>Units trained on a second, lately; 0: not known.</summary>
    public double UnitsPerSecond { get; init; }

    /// <summary>When its first round began, or its first step was recorded; <see langword="null"/>: not known.</summary>
    public DateTimeOffset? Started { get; init; }

    /// <summary>When something was last recorded.</summary>
    public DateTimeOffset Written { get; init; }

    /// <summary>What last happened to it; <see langword="null"/>: nobody has written that down.</summary>
    public JournalEntry? LastEvent { get; init; }

    /// <summary>The hash of the newest checkpoint's weights.</summary>
    public string? WeightsSha256 { get; init; }

    /// <summary>Whether a process is at work in the directory.</summary>
    public bool IsHeld { get; init; }

    /// <summary>Those of some metrics that are numbers, by name: JSON can hold no others.</summary>
    public static SortedDictionary<string, double> Finite(IEnumerable<KeyValuePair<string, double>> metrics) => new(metrics.Where(entry => double.IsFinite(entry.Value)).ToDictionary(), StringComparer.Ordinal);
}

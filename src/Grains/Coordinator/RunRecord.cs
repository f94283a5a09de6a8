using Granary.Contracts;

namespace Granary.Grains.Coordinator;

/// <summary>What a coordinator must not forget: written before a round is announced.</summary>
[GenerateSerializer]
public sealed class RunRecord
{
    /// <summary><see langword="null"/> until a run is submitted.</summary>
    [Id(0)]
    public RunStatus? Status { get; set; }

    /// <summary>The number of the newest round.</summary>
    [Id(1)]
    public long Round { get; set; }

    /// <summary>Why the run shall stop; <see langword="null"/>: it shall not.</summary>
    [Id(2)]
    public string? StopReason { get; set; }

    /// <summary>Whether it shall stop only until it is resumed.</summary>
    [Id(3)]
    public bool Pausing { get; set; }

    /// <summary>The newest round's plan; the next activation takes it over.</summary>
    [Id(4)]
    public RoundPlan? Plan { get; set; }

    /// <summary>Most steps that were ever known to be committed, even if they had to be made again.</summary>
    [Id(6)]
    public long Furthest { get; set; }

    /// <summary>The workers' states were found to differ: the next round begins from a state that they agreed on.</summary>
    [Id(7)]
    public bool Differs { get; set; }

    /// <summary>How often in a row that was found without getting beyond the furthest step where it was, and that step.</summary>
    [Id(8)]
    public int Differences { get; set; }

    [Id(9)]
    public long DifferedAt { get; set; }

    /// <summary>Checkpoints that are whole and could not be loaded, by step, and why.</summary>
    [Id(10)]
    public Dictionary<long, string> Unusable { get; set; } = [];

    /// <summary>The span that accepted the run, as a W3C <c>traceparent</c>: whatever silo coordinates it, the run is one trace.</summary>
    [Id(11)]
    public string? Trace { get; set; }

    [Id(5)]
    public LossHistory Losses { get; set; } = LossHistory.None;
}

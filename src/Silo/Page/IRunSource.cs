using Granary.Training.Runs;

namespace Granary.Silo.Page;

/// <summary>Where the page has its runs from: a cluster, or run directories.</summary>
internal interface IRunSource
{
    /// <summary>Whether there is a cluster whose runs can be changed.</summary>
    bool HasCluster { get; }

    /// <summary>Newest first.</summary>
    Task<IReadOnlyList<RunRow>> ListAsync();

    /// <exception cref="Contracts.UnknownRunException"/>
    Task<FoundRun> FindAsync(string id);

    /// <summary>Events after the one of that id, oldest first.</summary>
    /// <exception cref="Contracts.UnknownRunException"/>
    Task<IReadOnlyList<JournalEntry>> EventsAsync(string id, long after);

    /// <summary>What has happened since one last asked, for those who follow a run.</summary>
    /// <exception cref="Contracts.UnknownRunException"/>
    Task<RunNews> NewsAsync(string id, RunMark since);
}

/// <summary>A run, and what its directory does not tell.</summary>
/// <param name="Directory">May be out of this machine's reach.</param>
internal sealed record FoundRun(RunRow Row, string Directory, RunSpec? Spec)
{
    public IReadOnlyDictionary<string, string> Switches { get; init; } = new Dictionary<string, string>();

    public IReadOnlyList<SlotView> Slots { get; init; } = [];

    public int Processes { get; init; }

    public string Coordinator { get; init; } = "";
}

/// <summary>How far somebody has followed a run. Default: nothing is known yet, and what has been is no news.</summary>
/// <param name="Event">The id of the last event.</param>
/// <param name="Step">The last step whose metrics are known.</param>
internal readonly record struct RunMark(long? Event, long Step);

internal sealed record RunNews(IReadOnlyList<JournalEntry> Events, IReadOnlyList<LivePoint> Points, RunMark Mark);

/// <summary>The metrics of a step that has just been made.</summary>
/// <param name="Seconds">Since the run's start; <see langword="null"/>: not known.</param>
internal sealed record LivePoint(long Step, double? Seconds, IReadOnlyDictionary<string, double> Metrics);

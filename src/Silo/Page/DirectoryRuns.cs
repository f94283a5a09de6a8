using Granary.Contracts;
using Granary.Silo.Directories;
using Granary.Training.Runs;
using Granary.Training.Wording;

namespace Granary.Silo.Page;

/// <summary>The runs whose directories lie in a folder, by the directories' names.</summary>
internal sealed class DirectoryRuns(RunDirectories directories) : IRunSource
{
    private const string Running = "running", Ended = "ended";
    private const int EndOfHistory = 1 << 16;

    // What a journal may end with when nobody is at work any more; anything else was cut off.
    private static readonly string[] ends = ["succeeded", "failed", "cancelled", "paused"];

    public bool HasCluster => false;

    public Task<IReadOnlyList<RunRow>> ListAsync() => Task.Run<IReadOnlyList<RunRow>>(() => [.. directories.List().Select(RowOf)]);

    public Task<FoundRun> FindAsync(string id) => Task.Run(() =>
    {
        var run = Find(id);
        return new FoundRun(RowOf(run), run.Directory, run.Spec) { Switches = run.Spec?.Switches ?? new Dictionary<string, string>() };
    });

    public Task<IReadOnlyList<JournalEntry>> EventsAsync(string id, long after) => Task.Run(() => RunJournal.Read(Find(id).Directory, after));

    public Task<RunNews> NewsAsync(string id, RunMark since) => Task.Run(() =>
    {
        var run = Find(id);
        var events = since.Event is { } last ? RunJournal.Read(run.Directory, last) : [];
        var points = since.Event is null ? [] : RunHistory.ReadEnd(run.Directory, EndOfHistory).Where(point => point.Step > since.Step)
            .Select(point => new LivePoint(point.Step, (point.Time - run.Started)?.TotalSeconds, point.Metrics)).ToList();
        return new RunNews(events, points, new(events.Count > 0 ? events[^1].Id : since.Event ?? run.LastEvent?.Id ?? 0, points.Count > 0 ? points[^1].Step : Math.Max(since.Step, run.Step)));
    });

    private RunDigest Find(string id) => directories.Find(id) ?? throw new UnknownRunException($"No run directory is named '{Shown.Value(id)}'.");

    private static RunRow RowOf(RunDigest run)
    {
        var state = run.IsHeld ? Running : run.LastEvent is { } last && ends.Contains(last.State) ? last.State : Ended;
        var left = run.IsHeld && run.UnitsPerSecond > 0 && run.TotalSteps > 0 ? RunRow.SecondsFor(run.TotalSteps - run.Step, run.Metrics, run.UnitsPerSecond) : null;
        return new(
            run.Name, run.Spec?.Task ?? "", state, ReasonOf(run, state), run.Step, run.TotalSteps, run.StepsPerEpoch, run.Measure?.Metric ?? "", run.Measure?.LowerIsBetter ?? true, run.Best,
            run.Metrics, run.Unit, run.IsHeld ? run.UnitsPerSecond : 0, left, run.Started is { } started ? (run.Written - started).TotalSeconds : 0, run.Spec?.Workers ?? 0, Round: 0,
            run.LastEvent?.Time ?? run.Written, run.Started, run.IsHeld ? null : run.WeightsSha256, run.Directory);
    }

    private static string ReasonOf(RunDigest run, string state) => state switch
    {
        Ended when run.TotalSteps > 0 && run.Step >= run.TotalSteps => "All steps are made.",
        Ended when run.LastEvent is { } last => $"Nobody is at work in its directory. Before: {last.Message}",
        Ended => "Nobody is at work in its directory.",
        _ => run.LastEvent?.Message ?? "Somebody is at work in its directory.",
    };
}

using System.Collections.Concurrent;
using Granary.Contracts;
using Granary.Silo.Directories;
using Granary.Silo.Gateway;
using Granary.Training.Runs;

namespace Granary.Silo.Page;

/// <summary>The runs of a cluster, as their coordinators know them. Of a run that has ended nothing changes: it is asked for once.</summary>
internal sealed class ClusterRuns(KnownRuns runs) : IRunSource
{
    private readonly ConcurrentDictionary<string, RunRow> ended = [];

    public bool HasCluster => true;

    public async Task<IReadOnlyList<RunRow>> ListAsync()
    {
        var ids = await runs.Cluster.GetRunsAsync();
        foreach (var gone in ended.Keys.Except(ids))
        {
            ended.TryRemove(gone, out _);
        }
        return [.. (await Task.WhenAll(ids.Select(RowAsync))).OfType<RunRow>()];
    }

    /// <summary>The runs that have not ended, newest first.</summary>
    public async Task<IReadOnlyList<RunStatus>> ActiveAsync() =>
        [.. (await Task.WhenAll((await runs.Cluster.GetRunsAsync()).Where(id => !ended.ContainsKey(id)).Select(runs.StatusAsync))).OfType<RunStatus>().Where(run => !run.HasEnded)];

    public async Task<FoundRun> FindAsync(string id)
    {
        var coordinator = await runs.FindAsync(id);
        var status = await coordinator.GetStatusAsync();
        var workers = status.HasEnded ? [] : await coordinator.GetWorkersAsync();
        return new(RowOf(status), status.Spec.Output, status.Spec)
        {
            Switches = status.Switches,
            Slots = [.. workers.Select(worker => new SlotView(worker.Slot, worker.Device, worker.Node, worker.ShardStart, worker.ShardEnd, worker.StragglerScore, worker.ComputePerShard?.TotalSeconds))],
            Processes = status.Processes,
            Coordinator = status.Coordinator,
        };
    }

    public Task<IReadOnlyList<JournalEntry>> EventsAsync(string id, long after) => runs.EventsAsync(id, after);

    public async Task<RunNews> NewsAsync(string id, RunMark since)
    {
        var entries = await runs.Coordinator(id).GetEventsAsync(since.Event ?? 0);
        var mark = since with { Event = entries.Count > 0 ? entries[^1].Id : since.Event ?? 0 };
        List<LivePoint> points = [];
        foreach (var status in entries.Where(entry => entry.Kind == EventKind.Progress).Select(entry => (entry.Status, entry.Time)))
        {
            if (status.Status.Step > mark.Step)
            {
                mark = mark with { Step = status.Status.Step };
                points.Add(new(mark.Step, (status.Time - status.Status.Started)?.TotalSeconds, RunDigest.Finite(status.Status.Metrics)));
            }
        }
        return since.Event is null ? new([], [], mark) : new([.. entries.Where(entry => entry.Kind != EventKind.Progress).Select(entry => entry.ToJournal())], points, mark);
    }

    public static RunRow RowOf(RunStatus run)
    {
        var left = run.State == RunState.Running && run.Step > 0 && run.Elapsed > TimeSpan.Zero ? RunRow.SecondsFor(run.TotalSteps - run.Step, run.Metrics, run.UnitsPerSecond) : null;
        return new(
            run.Spec.RunId, run.Spec.Task, run.State.ToString().ToLowerInvariant(), run.Reason, run.Step, run.TotalSteps, run.StepsPerEpoch, run.Measure, run.LowerIsBetter,
            run.Best is { } best && double.IsFinite(best) ? best : null, RunDigest.Finite(run.Metrics), run.Unit, double.IsFinite(run.UnitsPerSecond) ? run.UnitsPerSecond : 0,
            left, run.Elapsed.TotalSeconds, run.Workers, run.Round, run.Since, run.Started, run.WeightsSha256, run.Spec.Output);
    }

    private async Task<RunRow?> RowAsync(string id)
    {
        if (ended.TryGetValue(id, out var known))
        {
            return known;
        }
        var status = await runs.StatusAsync(id);
        var row = status is null ? null : RowOf(status);
        if (status?.HasEnded == true)
        {
            ended[id] = row!;
        }
        return row;
    }
}

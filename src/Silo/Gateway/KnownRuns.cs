using Granary.Contracts;
using Granary.Training.Files;
using Granary.Training.Runs;

namespace Granary.Silo.Gateway;

/// <summary>The coordinators of the runs that the cluster has accepted. Its list is asked first: to ask a coordinator that nobody has made would make it.</summary>
internal sealed class KnownRuns(IGrainFactory grains)
{
    public IClusterGrain Cluster => grains.GetGrain<IClusterGrain>(0);

    public ICoordinatorGrain Coordinator(string runId) => grains.GetGrain<ICoordinatorGrain>(runId);

    /// <exception cref="SpecException">It is no id.</exception>
    /// <exception cref="UnknownRunException"/>
    public async Task<ICoordinatorGrain> FindAsync(string runId)
    {
        SpecRules.CheckId(runId);
        return await Cluster.KnowsAsync(runId) ? Coordinator(runId) : throw new UnknownRunException($"No run is named '{runId}'.");
    }

    /// <summary>What has happened to a run, oldest first: what was written into its directory, if that is in reach, and what has come since.</summary>
    /// <exception cref="UnknownRunException"/>
    public async Task<IReadOnlyList<JournalEntry>> EventsAsync(string runId, long after)
    {
        var coordinator = await FindAsync(runId);
        var directory = (await coordinator.GetStatusAsync()).Spec.Output;
        var written = await Task.Run(() => Written(directory, after));
        var last = written.Count > 0 ? written[^1].Id : after;
        return [.. written, .. (await coordinator.GetEventsAsync(last)).Where(entry => entry.Kind != EventKind.Progress && entry.Id > last).Select(entry => entry.ToJournal())];
    }

    /// <param name="runId">Of the cluster's list.</param>
    /// <returns><see langword="null"/>: the run was listed a moment before it could be accepted.</returns>
    public async Task<RunStatus?> StatusAsync(string runId)
    {
        try
        {
            return await Coordinator(runId).GetStatusAsync();
        }
        catch (UnknownRunException)
        {
            return null;
        }
    }

    private static IReadOnlyList<JournalEntry> Written(string directory, long after)
    {
        try
        {
            return RunJournal.Read(directory, after);
        }
        catch (Exception error) when (error.IsStorageFault())
        {
            return [];
        }
    }
}

using Granary.Contracts;
using Orleans.Runtime;

namespace Granary.Grains.Cluster;

/// <summary>Nodes as they report themselves, less those that membership has declared dead; slots as they were given out.</summary>
internal sealed class ClusterGrain(
    [PersistentState("cluster", Storage.Name)] IPersistentState<ClusterRecord> record,
    IClusterMembershipService membership) : Grain, IClusterGrain
{
    private readonly Dictionary<string, NodeInfo> nodes = [];

    public Task RegisterAsync(NodeInfo node)
    {
        nodes[node.Name] = node;
        return Task.CompletedTask;
    }

    public Task<List<NodeInfo>> GetNodesAsync() => Task.FromResult(Alive());

    public async Task<List<SlotInfo>> AcquireAsync(string runId, int minimum, int wanted)
    {
        if (!record.State.Queue.Contains(runId))
        {
            record.State.Queue.Add(runId);
            await record.WriteStateAsync();
        }
        var taken = record.State.Leases.Where(lease => lease.Key != runId).SelectMany(lease => lease.Value).ToHashSet();
        var waitsFor = record.State.Queue.TakeWhile(other => other != runId).Any(other => !record.State.Leases.ContainsKey(other));
        var free = Alive()
            .SelectMany(node => Enumerable.Range(0, node.Slots).Select(index => new SlotInfo(node, index)))
            .Where(slot => !taken.Contains(slot.Key))
            .ToList();
        if (waitsFor || free.Count < minimum)
        {
            return [];
        }
        var chosen = SlotChoice.Spread(free, wanted);
        record.State.Leases[runId] = [.. chosen.Select(slot => slot.Key)];
        await record.WriteStateAsync();
        return chosen;
    }

    public async Task ReleaseAsync(string runId)
    {
        record.State.Queue.Remove(runId);
        record.State.Leases.Remove(runId);
        await record.WriteStateAsync();
    }

    public async Task AddRunAsync(string runId)
    {
        if (!record.State.Runs.Contains(runId))
        {
            record.State.Runs.Insert(0, runId);
            await record.WriteStateAsync();
        }
    }

    public Task<List<string>> GetRunsAsync() => Task.FromResult(record.State.Runs.ToList());

    private List<NodeInfo> Alive()
    {
        var active = membership.CurrentSnapshot.Members.Values
            .Where(member => member.Status == SiloStatus.Active)
            .Select(member => member.SiloAddress.ToParsableString())
            .ToHashSet();
        return [.. nodes.Values.Where(node => active.Contains(node.Silo)).OrderBy(node => node.Name, StringComparer.Ordinal)];
    }
}

/// <summary>What the cluster grain remembers.</summary>
[GenerateSerializer]
public sealed class ClusterRecord
{
    /// <summary>Runs that have not ended, in the order they came.</summary>
    [Id(0)]
    public List<string> Queue { get; set; } = [];

    /// <summary>Slot keys by run.</summary>
    [Id(1)]
    public Dictionary<string, List<string>> Leases { get; set; } = [];

    /// <summary>All runs, newest first.</summary>
    [Id(2)]
    public List<string> Runs { get; set; } = [];
}

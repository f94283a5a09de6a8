using Granary.Contracts;
using Granary.Grains.Nodes;
using Granary.Grains.Persistence;
using Granary.Training.Tasks;

namespace Granary.Grains.Cluster;

/// <summary>Nodes as they report themselves, less those that membership has declared dead; slots as they were given out.</summary>
internal sealed class ClusterGrain(
    [PersistentState("cluster", GrainStorage.Name)] IPersistentState<ClusterRecord> record,
    IClusterMembershipService membership,
    TrainingEnvironment environment,
    TimeProvider time) : Grain, IClusterGrain
{
    private static readonly TimeSpan WakeEvery = TimeSpan.FromSeconds(1), WriteAgainEvery = TimeSpan.FromSeconds(5);
    private readonly Dictionary<string, NodeInfo> nodes = [], formerLives = [];

    // Accepted, and their first request for slots is still to come.
    private readonly HashSet<string> arriving = [];
    private long woken;

    /// <summary>Writes the record again and again: storage may lose its data while nothing happens that would be written.</summary>
    public override Task OnActivateAsync(CancellationToken cancellationToken)
    {
        this.RegisterGrainTimer(_ => record.RecordExists ? record.WriteStateAsync() : Task.CompletedTask, new GrainTimerCreationOptions { DueTime = WriteAgainEvery, Period = WriteAgainEvery });
        return Task.CompletedTask;
    }

    public async Task RegisterAsync(NodeInfo node)
    {
        var isNews = !nodes.TryGetValue(node.Name, out var known) || known.Silo != node.Silo;
        if (isNews && known is not null)
        {
            formerLives[node.Name] = known;
        }
        nodes[node.Name] = node;
        if (node.Draining && !IsDraining(node))
        {
            record.State.Draining[node.Name] = node.Silo;
            await record.WriteStateAsync();
            isNews = true;
        }
        // Coordinators whose silo has died come back when somebody calls them.
        if (isNews || time.GetElapsedTime(woken) >= WakeEvery)
        {
            WakeCoordinators();
        }
    }

    public Task<List<NodeInfo>> GetNodesAsync() => Task.FromResult(Alive());

    public Task<NodeInfo?> GetLastAsync(string silo) => Task.FromResult(nodes.Values.Concat(formerLives.Values).FirstOrDefault(node => node.Silo == silo));

    public async Task DrainAsync(string node, bool undo)
    {
        if (Alive().FirstOrDefault(one => one.Name == node) is not { } found)
        {
            throw new UnknownNodeException($"No node is named '{node}'. The cluster has: {string.Join(", ", Alive().Select(one => one.Name))}.");
        }
        if (undo)
        {
            record.State.Draining.Remove(node);
        }
        else
        {
            record.State.Draining[node] = found.Silo;
        }
        await record.WriteStateAsync();
        WakeCoordinators();
    }

    public async Task<SlotReply> AcquireAsync(SlotRequest request)
    {
        arriving.Remove(request.RunId);
        // A new activation of this grain may not have heard of all nodes yet; runs that train know theirs.
        foreach (var slot in request.Holds)
        {
            nodes.TryAdd(slot.Node.Name, slot.Node);
        }
        var before = record.State.Claims.Find(claim => claim.RunId == request.RunId);
        var claim = new SlotClaim(
            request.RunId,
            before?.Arrival ?? record.State.Claims.Select(other => other.Arrival).DefaultIfEmpty().Max() + 1,
            request.Priority,
            request.Minimum,
            request.Wanted,
            before?.Held ?? [],
            request.Started) { Device = request.Device };
        var nodesNow = Alive();
        var foreign = VersionRule.Differences(nodesNow, request.Versions);
        var alive = nodesNow
            .Where(node => !request.Avoid.Contains(node.Silo) && VersionRule.Difference(node, request.Versions) is null)
            .SelectMany(node => Enumerable.Range(0, node.Slots).Select(index => new SlotInfo(node, index)))
            .ToList();
        var others = record.State.Claims.Where(other => other != before).ToList();
        var (slots, reason) = SlotQueue.Grant([.. others, claim], alive, request.RunId);
        claim = claim with { Held = [.. slots.Select(slot => slot.Key)], CanBeServed = foreign.Count == 0 || claim.Needed <= alive.Count };
        if (before is null || before with { Held = claim.Held } != claim || !before.Held.SequenceEqual(claim.Held) || !Knows(request.RunId))
        {
            record.State.Claims = [.. others, claim];
            Add(request.RunId);
            await record.WriteStateAsync();
        }
        return new([.. slots], slots.Count > 0 || foreign.Count == 0 ? reason : $"{reason} Not for this run: {string.Join("; ", foreign)}.");
    }

    public Task<string> ChooseDeviceAsync(Dictionary<string, string> versions) =>
        Task.FromResult(Alive().Where(node => !node.Draining && VersionRule.Difference(node, versions) is null).SelectMany(node => node.Devices).Any(device => DeviceName.KindOf(device) == DeviceName.Cuda)
            ? DeviceName.Cuda
            : DeviceName.Cpu);

    public async Task ReleaseAsync(string runId)
    {
        arriving.Remove(runId);
        if (record.State.Claims.RemoveAll(claim => claim.RunId == runId) > 0)
        {
            await record.WriteStateAsync();
        }
        WakeCoordinators();
    }

    public async Task AddRunAsync(string runId)
    {
        if (Knows(runId))
        {
            return;
        }
        var most = environment.Limits.Runs;
        if (record.State.Claims.Count + arriving.Count >= most)
        {
            throw LimitOptions.Reached(nameof(LimitOptions.Runs), most, "runs wait or are under way", "Wait until one has ended, or cancel one (granary list).");
        }
        arriving.Add(runId);
        Add(runId);
        await record.WriteStateAsync();
    }

    public Task<bool> KnowsAsync(string runId) => Task.FromResult(Knows(runId));

    public Task<List<string>> GetRunsAsync() => Task.FromResult(record.State.Runs.ToList());

    private void WakeCoordinators()
    {
        woken = time.GetTimestamp();
        foreach (var claim in record.State.Claims)
        {
            GrainFactory.GetGrain<ICoordinatorGrain>(claim.RunId).NudgeAsync().Ignore();
        }
    }

    private bool Add(string runId)
    {
        if (Knows(runId))
        {
            return false;
        }
        record.State.Runs.Insert(0, runId);
        return true;
    }

    private bool Knows(string runId) => record.State.Runs.Contains(runId);

    private bool IsDraining(NodeInfo node) => record.State.Draining.GetValueOrDefault(node.Name) == node.Silo;

    private List<NodeInfo> Alive()
    {
        var active = membership.CurrentSnapshot.Members.Values
            .Where(member => member.Status == SiloStatus.Active)
            .Select(member => member.SiloAddress.ToParsableString())
            .ToHashSet();
        return
        [
            .. from node in nodes.Values
               where active.Contains(node.Silo)
               orderby node.Name
               select node with { Draining = IsDraining(node) },
        ];
    }
}

/// <summary>What the cluster grain remembers.</summary>
[GenerateSerializer]
public sealed class ClusterRecord
{
    /// <summary>The claims of all runs that have not ended and are not paused.</summary>
    [Id(0)]
    public List<SlotClaim> Claims { get; set; } = [];

    /// <summary>All runs, newest first.</summary>
    [Id(1)]
    public List<string> Runs { get; set; } = [];

    /// <summary>Nodes out of use, with the life of their silo that this holds for.</summary>
    [Id(2)]
    public Dictionary<string, string> Draining { get; set; } = [];
}

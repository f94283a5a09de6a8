using Granary.Grains.Slots;
using Orleans.Placement;
using Orleans.Runtime.Placement;

namespace Granary.Grains.Worker;

/// <summary>Puts a worker on the silo of the node that its key begins with, and nowhere else. Silos have the names of their nodes.</summary>
[GenerateSerializer, Immutable]
public sealed class SlotPlacement : PlacementStrategy;

[AttributeUsage(AttributeTargets.Class)]
internal sealed class SlotPlacementAttribute() : PlacementAttribute(new SlotPlacement());

internal sealed class SlotPlacementDirector(IClusterMembershipService membership) : IPlacementDirector
{
    public Task<SiloAddress> OnAddActivation(PlacementStrategy strategy, PlacementTarget target, IPlacementContext context)
    {
        var key = target.GrainIdentity.Key.ToString()!;
        var node = key[..key.LastIndexOf('/')];
        // Not by silos' metadata, which one silo fetches from another only after it has seen it: after a cut that may take half a minute.
        var members = membership.CurrentSnapshot.Members;
        return context.GetCompatibleSilos(target).Where(silo => members.TryGetValue(silo, out var member) && member.Name == node).MaxBy(silo => silo.Generation) is { } found
            ? Task.FromResult(found)
            // Orleans logs what it cannot address as an error, with a stack, unless at the bottom of it a key was not found. Whoever calls a worker
            // reckons with a node that leaves, and tells of it.
            : throw new SlotGoneException($"No silo of the cluster is node '{node}' now.", new KeyNotFoundException(node));
    }
}

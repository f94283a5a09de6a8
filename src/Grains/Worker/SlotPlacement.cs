using Granary.Contracts;
using Orleans.Placement;
using Orleans.Runtime;
using Orleans.Runtime.MembershipService.SiloMetadata;
using Orleans.Runtime.Placement;

namespace Granary.Grains.Worker;

/// <summary>Puts a worker on the silo whose node name its key begins with, and nowhere else.</summary>
[GenerateSerializer, Immutable]
public sealed class SlotPlacement : PlacementStrategy
{
    /// <summary>The key of the silo metadata that holds a node's name.</summary>
    public const string NodeKey = "granary.node";
}

[AttributeUsage(AttributeTargets.Class)]
internal sealed class SlotPlacementAttribute() : PlacementAttribute(new SlotPlacement());

internal sealed class SlotPlacementDirector(ISiloMetadataCache metadata) : IPlacementDirector
{
    public Task<SiloAddress> OnAddActivation(PlacementStrategy strategy, PlacementTarget target, IPlacementContext context)
    {
        var key = target.GrainIdentity.Key.ToString()!;
        var node = key[..key.LastIndexOf('/')];
        foreach (var silo in context.GetCompatibleSilos(target))
        {
            if (metadata.GetSiloMetadata(silo).Metadata.TryGetValue(SlotPlacement.NodeKey, out var name) && name == node)
            {
                return Task.FromResult(silo);
            }
        }
        throw new SlotGoneException($"No silo of the cluster is node '{node}' now.");
    }
}

/// <summary>A worker's node has left the cluster.</summary>
[GenerateSerializer]
public sealed class SlotGoneException(string message) : OrleansException(message);

using System.Diagnostics.CodeAnalysis;
using Granary.Contracts;

namespace Granary.Grains.Coordinator;

/// <summary>One slot of one life of a silo, whatever else is known of its node.</summary>
internal sealed class SlotComparer : IEqualityComparer<SlotInfo>
{
    public static SlotComparer Instance { get; } = new();

    public bool Equals(SlotInfo? x, SlotInfo? y) => x?.Key == y?.Key && x?.Node.Silo == y?.Node.Silo;

    public int GetHashCode([DisallowNull] SlotInfo slot) => HashCode.Combine(slot.Key, slot.Node.Silo);
}

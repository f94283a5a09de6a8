using Granary.Contracts;

namespace Granary.Grains.Cluster;

/// <summary>Which of the free slots a run gets.</summary>
internal static class SlotChoice
{
    /// <summary>One slot a node in turn, so that workers share processors as little as may be; slots of one process stand together.</summary>
    public static List<SlotInfo> Spread(IEnumerable<SlotInfo> free, int count) =>
    [
        .. free.GroupBy(slot => slot.Node.Name)
            .SelectMany(slots => slots.OrderBy(slot => slot.Index).Select((slot, turn) => (slot, turn)))
            .OrderBy(choice => choice.turn)
            .ThenBy(choice => choice.slot.Node.Name, StringComparer.Ordinal)
            .Take(count)
            .Select(choice => choice.slot)
            .OrderBy(slot => slot.Node.Process)
            .ThenBy(slot => slot.Key, StringComparer.Ordinal),
    ];
}

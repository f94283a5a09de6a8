using Granary.Contracts;

namespace Granary.Grains.Cluster;

[GenerateSerializer]
public sealed record QueuedRun([property: Id(0)] string RunId, [property: Id(1)] int Priority, [property: Id(2)] int Minimum, [property: Id(3)] bool Started);

internal static class SlotQueue
{
    public static (List<SlotInfo>, string) Serve(List<QueuedRun> queue, SlotRequest request, List<SlotInfo> free)
    {
        var held = free.Where(slot => request.Holds.Any(mine => mine.Key == slot.Key && mine.Node.Silo == slot.Node.Silo)).ToList();
        if (free.Count < request.Minimum) return ([], $"Waits for {request.Minimum} free slots: {free.Count} are free.");
        var chosen = held.Take(request.Wanted).ToList();
        return ([.. chosen, .. SlotChoice.Spread(free.Except(held), request.Wanted - chosen.Count)], "");
    }
}

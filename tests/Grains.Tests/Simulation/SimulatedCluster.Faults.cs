using Granary.Contracts;

namespace Granary.Grains.Tests.Simulation;

/// <summary>What goes wrong, and how the cluster heals.</summary>
internal sealed partial class SimulatedCluster
{
    private void Disturb()
    {
        if (!Faulty)
        {
            return;
        }
        Time.After(Time.Any(5, 120), Disturb);
        var victim = workers.Values.ElementAt(Time.Any(0, workers.Count - 1)).Slot.Node;
        switch (Time.Any(0, 9))
        {
            case < 4:
                Kill(victim);
                break;
            case < 6:
                coordinators[^1].Acting &= Time.Chance(0.6);
                Replace();
                break;
            case < 7:
                coordinators[^1].StopRound();
                break;
            case < 8:
                coordinators[^1].StartOver();
                break;
            default:
                Suspect(victim);
                break;
        }
    }

    /// <summary>A run without a coordinator gets one.</summary>
    private void Watch()
    {
        if (!coordinators[^1].Acting && !Record.HasEnded)
        {
            Replace();
        }
        Time.After(60, Watch);
    }

    private void Replace()
    {
        Trace?.Invoke($"{Time.Now} coordinator {coordinators.Count} begins");
        coordinators.Add(new(this));
        coordinators[^1].Begin();
    }

    private void Bear(string name, int slots)
    {
        var node = new NodeInfo(name, $"{name}@{lives++}", default, "", 0, slots);
        foreach (var slot in Enumerable.Range(0, slots).Select(index => new SlotInfo(node, index)))
        {
            workers[slot.Key] = new(this, slot, fence());
            members.RemoveAll(former => former.Key == slot.Key);
            members.Add(slot);
        }
    }

    private void Kill(NodeInfo node)
    {
        Trace?.Invoke($"{Time.Now} {node.Silo} dies");
        foreach (var worker in workers.Values.Where(worker => worker.Slot.Node == node && worker.Alive))
        {
            worker.Die();
        }
        Time.After(Time.Any(10, 100), () => members.RemoveAll(slot => slot.Node == node));
        Time.After(Time.Any(5, 150), () =>
        {
            if (workers[$"{node.Name}/0"].Slot.Node == node)
            {
                Bear(node.Name, node.Slots);
            }
        });
    }

    /// <summary>The node is up, but for a while nobody believes it.</summary>
    private void Suspect(NodeInfo node)
    {
        Trace?.Invoke($"{Time.Now} {node.Silo} is suspected");
        var slots = members.Where(slot => slot.Node == node).ToList();
        members.RemoveAll(slots.Contains);
        Time.After(Time.Any(50, 200), () => members.AddRange(slots.Where(slot => workers[slot.Key] is { Alive: true } worker && worker.Slot == slot && !members.Contains(slot))));
    }
}

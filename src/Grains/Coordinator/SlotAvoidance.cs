using Granary.Contracts;

namespace Granary.Grains.Coordinator;

/// <summary>Silos that a run does without for a while, and why: lost ones, and those whose machine cannot train it.</summary>
internal sealed class SlotAvoidance(TimeProvider time)
{
    private static readonly TimeSpan LostFor = TimeSpan.FromSeconds(5);

    // To copy a file that is missing on a node may take a while; until then the node is of no use.
    private static readonly TimeSpan UnfitFor = TimeSpan.FromMinutes(1);
    private readonly Dictionary<string, DateTimeOffset> until = [];
    private readonly Dictionary<string, string> unfit = [];
    private readonly Dictionary<string, int> unprepared = [];

    /// <summary>Their addresses.</summary>
    public IReadOnlyCollection<string> Silos => until.Keys;

    /// <summary>Why nodes cannot train this run, a sentence each; empty: all can.</summary>
    public string Unfit => string.Join(" ", unfit.Values.Distinct());

    /// <summary>A node that was lost before it trained as often as the rule allows: what it was to build may be what kills it.</summary>
    public string? LostUnprepared => unprepared.FirstOrDefault(node => node.Value >= RetryRule.Losses).Key;

    public bool Includes(SlotInfo slot) => until.ContainsKey(slot.Node.Silo);

    /// <summary>Its silo cannot be reached.</summary>
    /// <param name="beforeItTrained">Whether it was lost while it read the data and built the model.</param>
    public void Lose(SlotInfo slot, bool beforeItTrained = false)
    {
        until[slot.Node.Silo] = time.GetUtcNow() + LostFor;
        if (beforeItTrained)
        {
            unprepared[slot.Node.Name] = unprepared.GetValueOrDefault(slot.Node.Name) + 1;
        }
    }

    /// <summary>It can be reached, and cannot train the run.</summary>
    public void DoWithout(SlotInfo slot, string reason)
    {
        until[slot.Node.Silo] = time.GetUtcNow() + UnfitFor;
        unfit[slot.Node.Silo] = $"{slot.Node.Name}: {reason}";
    }

    /// <summary>A round has begun: all its workers could build what they were to build.</summary>
    public void Begun() => unprepared.Clear();

    /// <summary>Gives another chance to those whose time is over.</summary>
    public void Forgive()
    {
        foreach (var (silo, _) in until.Where(entry => entry.Value <= time.GetUtcNow()).ToList())
        {
            until.Remove(silo);
            unfit.Remove(silo);
        }
    }
}

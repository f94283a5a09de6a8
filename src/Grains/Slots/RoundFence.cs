namespace Granary.Grains.Slots;

/// <summary>
/// Which round of which run a slot belongs to. Rounds of a run only grow: whoever comes with one that is not newer than the
/// newest seen has lost command, be it a late message or a coordinator that does not know it was replaced.
/// </summary>
internal sealed class RoundFence
{
    private readonly Dictionary<string, long> newest = [];

    /// <summary>The round the slot is in; <see langword="null"/>: none.</summary>
    public (string RunId, long Round)? Current { get; private set; }

    /// <summary>The newest round seen of the run; 0: none.</summary>
    public long Newest(string runId) => newest.GetValueOrDefault(runId);

    /// <summary>Leaves whatever round the slot is in for this one; refuses unless it is newer than all of its run.</summary>
    public bool TryEnter(string runId, long round)
    {
        if (round <= Newest(runId))
        {
            return false;
        }
        newest[runId] = round;
        Current = (runId, round);
        return true;
    }

    public bool IsCurrent(string runId, long round) => Current == (runId, round);

    /// <summary>
    /// Frees the slot of the run, unless it has moved on to another or to a newer round. The fence stays up, and keeps out the
    /// round that is left even if it was never entered: its beginning may arrive after its end.
    /// </summary>
    public bool TryLeave(string runId, long round)
    {
        newest[runId] = Math.Max(Newest(runId), round);
        if (Current is not { } current || current.RunId != runId || current.Round > round)
        {
            return false;
        }
        Current = null;
        return true;
    }
}

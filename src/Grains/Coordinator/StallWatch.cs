namespace Granary.Grains.Coordinator;

/// <summary>Notices that a round stands still: steps take as long as they take, so the longest recent one is the measure.</summary>
internal sealed class StallWatch(TimeProvider time)
{
    // A step is waited for in silence for this long, and for this many times the longest before it.
    private static readonly TimeSpan LongStep = TimeSpan.FromSeconds(15);
    private const int LongSteps = 3;
    private long step = -1;
    private long moved = time.GetTimestamp();
    private TimeSpan longest;

    /// <param name="now">The step that was heard of last.</param>
    public Stall Look(long now)
    {
        var still = time.GetElapsedTime(moved);
        if (now != step)
        {
            longest = step < 0 || longest > still ? longest : still;
            (step, moved, still) = (now, time.GetTimestamp(), TimeSpan.Zero);
        }
        return new(still, still > LongStep && still > LongSteps * longest);
    }
}

/// <param name="Still">How long no step has been heard of.</param>
/// <param name="IsLong">Whether that is worth a word.</param>
internal readonly record struct Stall(TimeSpan Still, bool IsLong);

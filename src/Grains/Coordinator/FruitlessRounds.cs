namespace Granary.Grains.Coordinator;

/// <summary>Rounds of a run that break off one after the other, or do not start at all, without a step between them.</summary>
internal sealed class FruitlessRounds(TimeProvider time)
{
    private const int MostToStop = 5, LeastUnstarted = 5;
    private static readonly TimeSpan LongestPause = TimeSpan.FromSeconds(2);

    // When no round has started for so long, none will.
    private static readonly TimeSpan LongestUnstarted = TimeSpan.FromMinutes(2);
    private int count;
    private long lastStart;
    private (int Times, DateTimeOffset Since) unstarted;

    /// <summary>Whether a run that is to stop gives up waiting for a round that does so in good order.</summary>
    public bool TooManyToStop => count > MostToStop;

    /// <summary>Whether rounds have failed to start for so long that none will.</summary>
    public bool NoneStarts => unstarted.Times >= LeastUnstarted && time.GetUtcNow() - unstarted.Since > LongestUnstarted;

    /// <summary>A round is to begin at this step.</summary>
    public void BeginsAt(long step)
    {
        count = step > lastStart ? 0 : count;
        lastStart = step;
    }

    /// <summary>Its workers train.</summary>
    public void Started() => unstarted = default;

    public void NotStarted() => unstarted = unstarted.Times > 0 ? (unstarted.Times + 1, unstarted.Since) : (1, time.GetUtcNow());

    /// <summary>A run that is to stop waits for nobody any more.</summary>
    public void GiveUp() => count = MostToStop + 1;

    /// <summary>The run has stopped; should it be resumed, it begins anew.</summary>
    public void Forget() => count = 0;

    /// <summary>Waits before the next round, longer each time.</summary>
    public Task BackOffAsync()
    {
        var pause = TimeSpan.FromMilliseconds(25 * Math.Pow(2, Math.Min(count++, 10)) - 25);
        return Task.Delay(pause < LongestPause ? pause : LongestPause, time);
    }
}

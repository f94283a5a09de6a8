namespace Granary.Grains.Coordinator;

/// <summary>Units and time over all rounds of a run, and the speed of late.</summary>
internal sealed class Throughput
{
    private const double Memory = 0.8;
    private double earlierUnits, units;
    private TimeSpan earlierElapsed, elapsed;

    public double Units => earlierUnits + units;

    public TimeSpan Elapsed => earlierElapsed + elapsed;

    /// <summary>Units a second, smoothed over the last reports.</summary>
    public double PerSecond { get; private set; }

    /// <summary>Takes over from an activation before.</summary>
    public void GoOn(double units, TimeSpan elapsed) => (earlierUnits, earlierElapsed) = (units, elapsed);

    /// <param name="roundUnits">Since the round began.</param>
    /// <param name="roundElapsed">Since the round began.</param>
    public void Report(double roundUnits, TimeSpan roundElapsed)
    {
        if (roundElapsed > elapsed)
        {
            var now = (roundUnits - units) / (roundElapsed - elapsed).TotalSeconds;
            PerSecond = PerSecond == 0 ? now : Memory * PerSecond + (1 - Memory) * now;
        }
        (units, elapsed) = (roundUnits, roundElapsed);
    }

    public void EndRound()
    {
        (earlierUnits, earlierElapsed) = (Units, Elapsed);
        (units, elapsed) = (0, TimeSpan.Zero);
    }
}

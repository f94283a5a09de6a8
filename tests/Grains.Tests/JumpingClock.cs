namespace Granary.Grains.Tests;

/// <summary>The system's clock, which a test may put forward.</summary>
public sealed class JumpingClock : TimeProvider
{
    private long jumped;

    public void Jump(TimeSpan time) => Interlocked.Add(ref jumped, time.Ticks);

    public override DateTimeOffset GetUtcNow() => System.GetUtcNow() + TimeSpan.FromTicks(Interlocked.Read(ref jumped));

    public override long GetTimestamp() => System.GetTimestamp() + (Interlocked.Read(ref jumped) * System.TimestampFrequency / TimeSpan.TicksPerSecond);
}

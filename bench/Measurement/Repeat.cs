using System.Diagnostics;

namespace Granary.Bench.Measurement;

/// <summary>Does a thing again and again and tells how long each time took.</summary>
internal static class Repeat
{
    /// <param name="seconds">Stops after this long, but not before the least number of samples.</param>
    /// <param name="warmUps">Done first, not timed: code is compiled and memory touched.</param>
    /// <param name="warmUpSeconds">The least time that this takes: .NET compiles anew, and better, what has been called some dozen times.</param>
    /// <returns>Milliseconds.</returns>
    public static List<double> Time(Action act, double seconds, int warmUps = 3, int least = 3, double warmUpSeconds = 0)
    {
        var warmedUp = Stopwatch.GetTimestamp();
        for (var i = 0; i < warmUps || Stopwatch.GetElapsedTime(warmedUp).TotalSeconds < warmUpSeconds; i++)
        {
            act();
        }
        var samples = new List<double>();
        for (var begun = Stopwatch.GetTimestamp(); Stopwatch.GetElapsedTime(begun).TotalSeconds < seconds || samples.Count < least;)
        {
            var started = Stopwatch.GetTimestamp();
            act();
            samples.Add(Stopwatch.GetElapsedTime(started).TotalMilliseconds);
        }
        return samples;
    }
}

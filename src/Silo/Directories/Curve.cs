using Granary.Training.Runs;

namespace Granary.Silo.Directories;

/// <summary>A metric over the steps of a run, as it was recorded.</summary>
/// <param name="Steps">In order.</param>
/// <param name="Times">When each was recorded; <see langword="null"/>: that was not written down for all.</param>
/// <param name="Values">Finite, one for each step.</param>
/// <param name="IsWhole">Whether nothing was left out.</param>
internal sealed record Curve(IReadOnlyList<long> Steps, IReadOnlyList<DateTimeOffset>? Times, IReadOnlyList<double> Values, bool IsWhole = true)
{
    /// <summary>The curves of a run's metrics, by their names.</summary>
    /// <exception cref="IOException">The history cannot be read.</exception>
    public static IReadOnlyDictionary<string, Curve> Read(string runDirectory)
    {
        var points = new SortedDictionary<string, List<(long Step, DateTimeOffset? Time, double Value)>>(StringComparer.Ordinal);
        foreach (var point in RunHistory.Read(runDirectory))
        {
            foreach (var (name, value) in point.Metrics)
            {
                (points.TryGetValue(name, out var curve) ? curve : points[name] = []).Add((point.Step, point.Time, value));
            }
        }
        return points.ToDictionary(entry => entry.Key, entry => new Curve(
            [.. entry.Value.Select(point => point.Step)],
            entry.Value.TrueForAll(point => point.Time is not null) ? [.. entry.Value.Select(point => point.Time!.Value)] : null,
            [.. entry.Value.Select(point => point.Value)]));
    }

    /// <summary>The part from a step to another, both included.</summary>
    public Curve Between(long from, long to) => Only([.. Enumerable.Range(0, Steps.Count).Where(place => Steps[place] >= from && Steps[place] <= to)], IsWhole);

    /// <summary>
    /// As it looks on a screen with room for so many points: the steps are cut into stretches of equal length, of each stretch the least and the
    /// greatest value stay, and the first and the last point of all. What stands out stays.
    /// </summary>
    /// <param name="points">At least 4.</param>
    public Curve Thinned(int points)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(points, 4);
        if (Steps.Count <= points)
        {
            return this;
        }
        var (first, last) = (Steps[0], Steps[^1]);
        var stretches = (points - 2) / 2;
        var kept = new SortedSet<int> { 0, Steps.Count - 1 };
        foreach (var stretch in Enumerable.Range(0, Steps.Count).GroupBy(place => (int)((Int128)(Steps[place] - first) * stretches / (last - first + 1))))
        {
            kept.Add(stretch.MinBy(place => Values[place]));
            kept.Add(stretch.MaxBy(place => Values[place]));
        }
        return Only([.. kept], isWhole: false);
    }

    private Curve Only(IReadOnlyList<int> places, bool isWhole) => new(
        [.. places.Select(place => Steps[place])],
        Times is null ? null : [.. places.Select(place => Times[place])],
        [.. places.Select(place => Values[place])],
        isWhole);
}

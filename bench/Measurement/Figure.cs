namespace Granary.Bench.Measurement;

/// <summary>One measured figure.</summary>
/// <param name="Case">What was done; figures of the same case can be compared.</param>
/// <param name="Value">The median.</param>
/// <param name="Unit">A unit that ends with <c>/s</c> is a rate, and more is better; of all others less is.</param>
/// <param name="Best">The best of the samples.</param>
/// <param name="Samples">How many there were.</param>
/// <param name="PartOf">The case of which this is a part that nobody can do without, done alone. Parts stand in no table: their sum is the case's limit.</param>
internal sealed record Figure(string Case, double Value, string Unit, double? Best = null, int Samples = 1, string? PartOf = null)
{
    /// <summary>The figure of many samples.</summary>
    public static Figure Of(string name, string unit, IEnumerable<double> samples)
    {
        double[] sorted = [.. samples.Order()];
        return new(name, Median(sorted), unit, IsRate(unit) ? sorted[^1] : sorted[0], sorted.Length);
    }

    /// <summary>How many times as fast as another figure of the same case and unit.</summary>
    public double SpeedAgainst(Figure other) => IsRate(Unit) ? Value / other.Value : other.Value / Value;

    public static bool IsRate(string unit) => unit.EndsWith("/s", StringComparison.Ordinal);

    public static double Median(IReadOnlyList<double> sorted) =>
        sorted.Count % 2 == 1 ? sorted[sorted.Count / 2] : (sorted[sorted.Count / 2 - 1] + sorted[sorted.Count / 2]) / 2;
}

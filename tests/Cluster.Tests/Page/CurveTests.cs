using Granary.Silo.Directories;

namespace Granary.Cluster.Tests.Page;

public class CurveTests
{
    [Theory]
    [InlineData(1, 100_000, 1500)]
    [InlineData(2, 10_001, 4)]
    [InlineData(3, 1501, 1500)]
    [InlineData(4, 5000, 1499)]
    public void Curve_ThatIsThinned_KeepsWhatStandsOut_InOrder(int seed, int count, int points)
    {
        var random = new Random(seed);
        double[] values = [.. Enumerable.Range(0, count).Select(_ => random.NextDouble())];
        // Steps at unequal distances, as a validation's are.
        long[] steps = [.. Enumerable.Range(0, count).Select(place => (long)place * place / 7 + place)];
        var (least, greatest) = (random.Next(count), random.Next(count));
        (values[least], values[greatest]) = (-5, 9);
        var thinned = new Curve(steps, [.. steps.Select(step => DateTimeOffset.UnixEpoch.AddSeconds(step))], values).Thinned(points);

        Assert.InRange(thinned.Steps.Count, 3, points);
        Assert.False(thinned.IsWhole);
        Assert.Equal(thinned.Steps.Order().Distinct(), thinned.Steps);
        Assert.Equal((steps[0], steps[^1]), (thinned.Steps[0], thinned.Steps[^1]));
        Assert.Equal((values.Min(), values.Max()), (thinned.Values.Min(), thinned.Values.Max()));
        var whole = steps.Zip(values).ToDictionary();
        Assert.All(thinned.Steps.Zip(thinned.Values), point => Assert.Equal(whole[point.First], point.Second));
        Assert.Equal(thinned.Steps.Select(step => DateTimeOffset.UnixEpoch.AddSeconds(step)), thinned.Times);
    }

    [Fact]
    public void Curve_ThatIsThinned_HasTheLeastAndTheGreatestOfEveryStretch()
    {
        // A wave of 100 steps: of each tenth part something is left of its crest and of its trough.
        double[] values = [.. Enumerable.Range(0, 1000).Select(step => Math.Sin(step * Math.PI / 50))];
        var thinned = new Curve([.. Enumerable.Range(0, 1000).Select(step => (long)step)], null, values).Thinned(22);
        for (var stretch = 0; stretch < 10; stretch++)
        {
            var inside = thinned.Steps.Zip(thinned.Values).Where(point => point.First / 100 == stretch).Select(point => point.Second).ToList();
            Assert.Equal((1, -1), (inside.Max(), inside.Min()));
        }
    }

    [Fact]
    public void Curve_WithFewPoints_IsLeftWhole()
    {
        var curve = new Curve([1, 2, 3], null, [3, 2, 1]);
        Assert.Same(curve, curve.Thinned(4));
        Assert.Equal([2L, 3], curve.Between(2, 9).Steps);
        Assert.Equal(1, new Curve([7, 7 + 1, long.MaxValue - 1, long.MaxValue, long.MaxValue], null, [0, 0, 0, 0, 1]).Thinned(4).Values[^1]);
    }
}

using Granary.Training.Randomness;

namespace Granary.Training.Tests;

public class LaneRandomTests
{
    private const int Many = 1 << 18;

    [Theory]
    [InlineData(0.5)]
    [InlineData(0.9)]
    public void Keep_KeepsTheShareItIsAskedFor_InEveryLane(double probability)
    {
        var values = Drawn(seed: 1, Many, probability);
        Assert.All(values, value => Assert.True(value is 0 or 2));
        for (var lane = 0; lane < LaneRandom.Lanes; lane++)
        {
            var kept = Enumerable.Range(0, Many / LaneRandom.Lanes).Average(i => values[i * LaneRandom.Lanes + lane] / 2);
            // Five standard deviations.
            Assert.Equal(probability, kept, 5 * Math.Sqrt(probability * (1 - probability) * LaneRandom.Lanes / Many));
        }
    }

    [Fact]
    public void Keep_InNeighbouringPlacesAndLanes_IsUncorrelated()
    {
        var values = Drawn(seed: 2, Many, 0.5);
        foreach (var distance in new[] { 1, 2, 8, LaneRandom.Lanes, 2 * LaneRandom.Lanes })
        {
            var product = Enumerable.Range(0, Many - distance).Average(i => (values[i] - 1) * (values[i + distance] - 1));
            Assert.Equal(0, product, 5 / Math.Sqrt(Many));
        }
    }

    [Fact]
    public void Keep_WithTheSameSeed_IsTheSame_AndElseNot()
    {
        Assert.Equal(Drawn(7, 100, 0.5), Drawn(7, 100, 0.5));
        Assert.NotEqual(Drawn(7, 100, 0.5), Drawn(8, 100, 0.5));
    }

    [Fact]
    public void Keep_OfALengthThatFillsNoVector_BeginsAlike()
    {
        Assert.Equal(Drawn(7, 100, 0.5)[..37], Drawn(7, 37, 0.5));
    }

    [Theory]
    [InlineData(0, 0)]
    [InlineData(1, 2)]
    public void Keep_WithCertainty_KeepsNothingOrAll(double probability, float expected) =>
        Assert.All(Drawn(3, 1000, probability), value => Assert.Equal(expected, value));

    [Fact]
    public void Numbers_OfOneSeed_AreTheseOnEveryMachine() =>
        Assert.Equal("0101001101011111111111011101101111111111", string.Concat(Drawn(1, 40, 0.5).Select(value => value == 0 ? '0' : '1')));

    private static float[] Drawn(ulong seed, int count, double probability)
    {
        var values = new float[count];
        new LaneRandom(seed).Keep(values, probability, value: 2);
        return values;
    }
}

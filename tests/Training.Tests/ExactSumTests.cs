using Granary.Training.Frames;
using Granary.Training.Randomness;

namespace Granary.Training.Tests;

public class ExactSumTests
{
    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(-7)]
    [InlineData((1L << 24) + 1)]
    [InlineData((1L << 48) - 1)]
    [InlineData(-(1L << 47) - 3)]
    public void WholeNumber_ComesBackAsItWas(long value) => Assert.Equal(value, Read(Written(value)));

    [Fact]
    public void Sum_OfManyCounts_IsExactWhereAFloatIsNot()
    {
        var random = new StepRandom(1);
        long[] counts = [.. Enumerable.Range(0, ShardLedger.MostShards).Select(_ => (long)(random.NextDouble() * (1L << 36)))];
        var sum = new float[ExactSum.Slots];
        foreach (var count in counts)
        {
            var slots = Written(count);
            for (var i = 0; i < sum.Length; i++)
            {
                sum[i] += slots[i];
            }
        }
        Assert.Equal(counts.Sum(), Read(sum));
        Assert.NotEqual(counts.Sum(), (double)counts.Aggregate(0f, (all, count) => all + count));
    }

    [Theory]
    [InlineData(0.1)]
    [InlineData(-123456.789)]
    [InlineData(1e-9)]
    public void Fraction_IsKeptToSevenDigitsBehindThePoint(double value) => Assert.Equal(value, Read(Written(value)), tolerance: 6e-8);

    [Theory]
    [InlineData(double.NaN)]
    [InlineData(double.PositiveInfinity)]
    [InlineData(double.NegativeInfinity)]
    public void NumberThatIsNotFinite_ComesBackAsNotFinite(double value) => Assert.False(double.IsFinite(Read(Written(value))));

    private static float[] Written(double value)
    {
        var slots = new float[ExactSum.Slots];
        ExactSum.Write(value, slots);
        return slots;
    }

    private static double Read(float[] slots) => ExactSum.Read(slots);
}

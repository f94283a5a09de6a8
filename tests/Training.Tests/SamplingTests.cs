using Granary.Training.Randomness;
using Granary.Training.Tasks;

namespace Granary.Training.Tests;

public class SamplingTests
{
    private static readonly float[] odds = [0.1f, 0, 0.4f, 0.3f, 0.2f];

    [Fact]
    public void Draws_AreAsFrequentAsTheirOdds() => Assert.Equal([0.1, 0, 0.4, 0.3, 0.2], Shares(new()), CloseTo);

    [Fact]
    public void Temperature_TakesThePowerOfTheOdds()
    {
        // Squares over their sum 0.3.
        Assert.Equal([0.01 / 0.3, 0, 0.16 / 0.3, 0.09 / 0.3, 0.04 / 0.3], Shares(new(Temperature: 0.5)), CloseTo);
        Assert.Equal([0, 0, 1, 0, 0], Shares(new(Temperature: 0)), CloseTo);
    }

    [Fact]
    public void TopK_LeavesTheLikeliest()
    {
        Assert.Equal([0, 0, 4 / 7d, 3 / 7d, 0], Shares(new(TopK: 2)), CloseTo);
        Assert.Equal([0.1, 0, 0.4, 0.3, 0.2], Shares(new(TopK: 9)), CloseTo);
    }

    [Theory]
    [InlineData(0.65, 2)]
    [InlineData(0.75, 3)]
    [InlineData(0, 1)]
    public void TopP_LeavesTheFewestThatAreEnough(double share, int left) => Assert.Equal(left, Shares(new(TopP: share)).Count(drawn => drawn > 0));

    [Fact]
    public void TopKAndTopP_TogetherCutAsTheStricterOne()
    {
        Assert.Equal(2, Shares(new(TopK: 2, TopP: 0.95)).Count(drawn => drawn > 0));
        Assert.Equal(1, Shares(new(TopK: 2, TopP: 0.3)).Count(drawn => drawn > 0));
    }

    private static bool CloseTo(double expected, double actual) => Math.Abs(expected - actual) < 0.015;

    private static double[] Shares(Sampling sampling)
    {
        const int Draws = 20_000;
        var random = new StepRandom(1);
        var drawn = new double[odds.Length];
        for (var i = 0; i < Draws; i++)
        {
            drawn[sampling.Draw([.. odds], ref random)] += 1d / Draws;
        }
        return drawn;
    }
}

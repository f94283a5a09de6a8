using Granary.Training.Numerics;
using Granary.Training.Optimization;
using Granary.Training.Randomness;
using Granary.Training.Tasks;

namespace Granary.Training.Tests;

public unsafe class OptimizationTests
{
    [Theory]
    [InlineData(16)]
    [InlineData(53)]
    public void Adam_OverThreeUpdates_FollowsTheDefinition(int length)
    {
        var random = new StepRandom(3);
        using var parameters = new NativeFloats(length);
        using var gradients = new NativeFloats(length);
        using var adam = new Adam(length);
        double[] p = new double[length], m = new double[length], v = new double[length];
        for (var update = 1; update <= 3; update++)
        {
            for (var i = 0; i < length; i++)
            {
                gradients.Span[i] = random.NextSingle() - 0.5f;
                var g = gradients.Span[i] * 0.25;
                m[i] = 0.9 * m[i] + 0.1 * g;
                v[i] = 0.999 * v[i] + 0.001 * g * g;
                p[i] -= 0.01 * (m[i] / (1 - Math.Pow(0.9, update))) / (Math.Sqrt(v[i] / (1 - Math.Pow(0.999, update))) + 1e-8);
            }
            adam.Update(0, length, parameters.Pointer, gradients.Pointer, new(update, 0.01f, 0.25f));
        }
        for (var i = 0; i < length; i++)
        {
            Assert.Equal(p[i], parameters.Span[i], 1e-6);
        }
    }

    [Theory]
    [InlineData("adam", 0)]
    [InlineData("adamw", 0)]
    [InlineData("sgd", 0)]
    [InlineData("sgd", 0.9)]
    public void Update_OfAValue_HasTheSameBitsInAVectorAndInTheRest(string name, double momentum)
    {
        // 53 alike: three full vectors and a rest of five.
        const int Length = 53;
        var random = new StepRandom(3);
        using var parameters = new NativeFloats(Length);
        using var gradients = new NativeFloats(Length);
        using var optimizer = new OptimizerChoice(name, momentum).Create(Length);
        parameters.Span.Fill(0.7f);
        for (var update = 1; update <= 5; update++)
        {
            gradients.Span.Fill(random.NextSingle() - 0.5f);
            optimizer.Update(0, Length, parameters.Pointer, gradients.Pointer, new(update, 0.01f, 0.37f, WeightDecay: 0.3f));
        }
        Assert.NotEqual(0.7f, parameters.Span[0]);
        Assert.Single(parameters.Span.ToArray().Distinct());
        Assert.All(optimizer.Memory, memory => Assert.Single(memory.Values.Span.ToArray().Distinct()));
    }

    [Fact]
    public void Update_OnlyReadsTheGradient()
    {
        foreach (var name in new[] { "adam", "adamw", "sgd" })
        {
            using var parameters = new NativeFloats(20);
            using var gradients = new NativeFloats(20);
            using var optimizer = new OptimizerChoice(name, Momentum: 0.5).Create(20);
            gradients.Span.Fill(0.25f);
            optimizer.Update(0, 20, parameters.Pointer, gradients.Pointer, new(1, 0.1f, 0.5f));
            Assert.Equal(-1, gradients.Span.IndexOfAnyExcept(0.25f));
        }
    }

    [Fact]
    public void Choice_OfAnUnknownOptimizer_NamesThoseThereAre()
    {
        var error = Assert.Throws<ArgumentException>(() => new OptimizerChoice("adagrad").Create(1));
        Assert.Contains("'adagrad'. Known: adam, adamw, sgd", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Clip_ScalesToTheMeanAndToTheLargestNorm()
    {
        using var sum = new NativeFloats(20);
        (sum.Span[1], sum.Span[18]) = (30, 40);
        var (norm, scale) = GradientNorm.Clip(VectorMath.SumOfSquares(sum.Pointer, 20), weight: 10, maxNorm: 1, "train", step: 0);
        Assert.Equal(5, norm);
        Assert.Equal(1f / 50, scale);
        Assert.Equal(1f / 10, GradientNorm.Clip(VectorMath.SumOfSquares(sum.Pointer, 20), 10, double.PositiveInfinity, "train", 0).Scale);
    }

    [Theory]
    [InlineData(float.NaN)]
    [InlineData(float.PositiveInfinity)]
    public void Clip_OfAGradientThatIsNotFinite_NamesPhaseAndStep(float value)
    {
        using var sum = new NativeFloats(20);
        sum.Span[19] = value;
        var error = Assert.Throws<NonFiniteException>(() => GradientNorm.Clip(VectorMath.SumOfSquares(sum.Pointer, 20), 10, 1, "train", 7));
        Assert.Contains("phase 'train' at step 7", error.Message);
    }
}

using System.Runtime.Intrinsics;
using Granary.Training.Numerics;

namespace Granary.Training.Tests;

public class VectorExpTests
{
    [Fact]
    public void Exp_OfAllMagnitudes_IsWithinTwoUnitsInTheLastPlace()
    {
        for (var x = 0f; x > -87.3f; x = x * 1.0001f - 1e-6f)
        {
            var expected = Math.Exp(x);
            var unit = MathF.BitIncrement((float)expected) - (float)expected;
            Assert.Equal(expected, Exp(x), 2.0 * unit);
        }
    }

    [Fact]
    public void Exp_HasTheseBitsOnEveryMachine()
    {
        var hash = 0u;
        for (var x = 0f; x > -90; x -= 0.0137f)
        {
            hash = hash * 31 + BitConverter.SingleToUInt32Bits(Exp(x));
        }
        Assert.Equal(2588835968u, hash);
    }

    [Theory]
    [InlineData(0, 1)]
    [InlineData(-88, 0)]
    [InlineData(-1e30f, 0)]
    [InlineData(float.NegativeInfinity, 0)]
    [InlineData(float.NaN, float.NaN)]
    public void Exp_AtTheEdges(float x, float expected) => Assert.Equal(expected, Exp(x));

    private static float Exp(float x) => VectorExp.OfNonPositive(Vector512.Create(x))[5];
}

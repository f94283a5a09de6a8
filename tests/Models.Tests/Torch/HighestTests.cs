// T time, B batch, F features
using Granary.Torch.Operations;
using static TorchSharp.torch;

namespace Granary.Models.Tests.Torch;

public class HighestTests
{
    [Theory]
    [InlineData(5, 3, 16)]
    [InlineData(4, 3, 21)]
    [InlineData(1, 1, 5)]
    public void Values_AndTheirGradients_AreThoseOfTheMaximum(int time, int batch, int features)
    {
        using var scope = NewDisposeScope();
        using var random = new Generator(1);
        var values_TBF = empty(time, batch, features).normal_(0, 1, random).requires_grad_(true);
        var mask_TB1 = ones(time, batch, 1);
        mask_TB1.narrow(0, time / 2 + 1, time - time / 2 - 1).narrow(1, 0, 1).zero_();

        var expected_BF = values_TBF.masked_fill(mask_TB1.eq(0), float.NegativeInfinity).amax([0]);
        expected_BF.sin().sum().backward();
        var expected_TBF = values_TBF.grad!.clone();
        values_TBF.grad.zero_();
        var actual_BF = Highest.Of(values_TBF, mask_TB1);
        actual_BF.sin().sum().backward();
        Assert.True(expected_BF.equal(actual_BF).all().item<bool>());
        Assert.True(expected_TBF.equal(values_TBF.grad).all().item<bool>());
    }

    [Fact]
    public void Value_ThatIsNotANumber_IsTheHighestUnlessItIsBehindTheEnd()
    {
        using var scope = NewDisposeScope();
        var values_TBF = tensor([1f, float.NaN, 2, 3], 4, 1, 1);
        Assert.Equal(float.NaN, Highest.Of(values_TBF, ones(4, 1, 1)).item<float>());
        Assert.Equal(1, Highest.Of(values_TBF, tensor([1f, 0, 0, 0], 4, 1, 1)).item<float>());
    }
}

using Granary.Torch.Operations;
using static TorchSharp.torch;

namespace Granary.Models.Tests.Torch;

public class TimeConvolutionTests
{
    [Theory]
    [InlineData(7, 3, 10, 12, 3)]
    [InlineData(5, 1, 16, 4, 5)]
    [InlineData(20, 4, 33, 17, 4)]
    public void Convolution_AndItsGradients_AreThoseOfTheModule(int time, int batch, int inputs, int filters, int window)
    {
        using var scope = NewDisposeScope();
        using var random = new Generator(1);
        using var module = nn.Conv1d(inputs, filters, window);
        var x_TBE = empty(time, batch, inputs).normal_(0, 1, random).requires_grad_(true);
        var weights = empty(time - window + 1, batch, filters).normal_(0, 1, random);
        Tensor[] Learn(Tensor y_SBF)
        {
            module.zero_grad();
            x_TBE.grad?.zero_();
            (y_SBF * weights).sum().backward();
            return [y_SBF, .. new[] { module.weight!, module.bias!, x_TBE }.Select(tensor => tensor.grad!.clone())];
        }
        var expected = Learn(module.call(x_TBE.permute(1, 2, 0)).permute(2, 0, 1));
        var found = Learn(TimeConvolution.Of(module, x_TBE));
        Assert.All(expected.Zip(found), pair => Assert.True(pair.Second.allclose(pair.First, rtol: 1e-4, atol: 1e-4)));
    }

    [Fact]
    public void FrozenModule_HasNoGradient()
    {
        using var scope = NewDisposeScope();
        using var module = nn.Conv1d(4, 3, 2);
        module.weight!.requires_grad = module.bias!.requires_grad = false;
        var x_TBE = ones(3, 2, 4).requires_grad_(true);
        TimeConvolution.Of(module, x_TBE).sum().backward();
        Assert.NotNull(x_TBE.grad);
        Assert.Null(module.weight.grad);
    }
}

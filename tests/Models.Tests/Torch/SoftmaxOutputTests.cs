using Granary.Torch.Networks;
using Granary.Torch.Runtime;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Granary.Models.Tests.Torch;

public class SoftmaxOutputTests
{
    // Neither a multiple of the vector width nor below it.
    private const int Samples = 6, Features = 5, Classes = 37;

    [Fact]
    public void LossSum_AndItsGradients_AreThoseOfCrossEntropy()
    {
        using var scope = NewDisposeScope();
        using var random = new Generator(1);
        var layer = Layer(empty(Classes, Features).normal_(0, 1, random));
        var features = empty(Samples, Features).normal_(0, 3, random).requires_grad_(true);
        var targets = tensor([0L, 36, 5, 5, 16, 32]);

        var expected = nn.functional.cross_entropy(layer.call(features), targets, reduction: nn.Reduction.Sum);
        expected.backward();
        var gradients = new[] { layer.weight!, layer.bias!, features }.Select(tensor => tensor.grad!.clone()).ToArray();
        features.grad!.zero_();

        // The layer's gradients are added to, so that they double; those of the features were cleared.
        var loss = SoftmaxOutput.LossSum(layer, features, targets);
        loss.backward();
        Assert.Equal(expected.item<float>(), loss.item<float>(), tolerance: 1e-4);
        AssertClose(gradients[0] * 2, layer.weight!.grad!);
        AssertClose(gradients[1] * 2, layer.bias!.grad!);
        AssertClose(gradients[2], features.grad!);
    }

    [Fact]
    public void LossSum_OfLogitsTooLargeToExponentiate_IsFinite()
    {
        using var scope = NewDisposeScope();
        var layer = Layer(linspace(36, 0, Classes).view(Classes, 1));
        var features = full(1, 1, 1000f).requires_grad_(true);
        // The first class has the largest logit, 36,000; the fourth falls short of it by 3,000.
        Assert.Equal(3000, SoftmaxOutput.LossSum(layer, features, tensor([3L])).item<float>(), tolerance: 0.1);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void LossSum_OfMoreSamplesThanFitAtOnce_IsThatOfCrossEntropy(bool bias)
    {
        const int Many = 600;
        using var scope = NewDisposeScope();
        using var random = new Generator(2);
        var layer = nn.Linear(Features, Classes, hasBias: bias);
        foreach (var parameter in layer.parameters())
        {
            parameter.grad = zeros_like(parameter);
        }
        var features = empty(Many, Features).normal_(0, 2, random).requires_grad_(true);
        var targets = arange(Many, int64) % Classes;

        SoftmaxOutput.LossSum(layer, features, targets).backward();
        var gradients = layer.parameters().Append(features).Select(tensor => tensor.grad!.clone()).ToArray();
        foreach (var tensor in layer.parameters().Append(features))
        {
            tensor.grad!.zero_();
        }
        nn.functional.cross_entropy(layer.call(features), targets, reduction: nn.Reduction.Sum).backward();
        foreach (var (expected, actual) in layer.parameters().Append(features).Zip(gradients))
        {
            AssertClose(expected.grad!, actual);
        }
    }

    [Theory]
    [InlineData(0)]
    [InlineData(Classes - 1)]
    public void LossSum_OfALogitThatIsNotANumber_IsNotANumber(int place)
    {
        using var scope = NewDisposeScope();
        var layer = Layer(ones(Classes, 1));
        using (no_grad())
        {
            layer.bias![place] = float.NaN;
        }
        Assert.Equal(float.NaN, SoftmaxOutput.LossSum(layer, ones(1, 1).requires_grad_(true), tensor([3L])).item<float>());
    }

    [Fact]
    public void LossSum_UnderAutocast_IsNearTheUnroundedOne()
    {
        using var scope = NewDisposeScope();
        using var random = new Generator(1);
        var layer = Layer(empty(Classes, Features).normal_(0, 1, random));
        var features = empty(Samples, Features).normal_(0, 1, random).requires_grad_(true);
        var targets = tensor([0L, 36, 5, 5, 16, 32]);
        var expected = SoftmaxOutput.LossSum(layer, features, targets);
        Tensor rounded;
        using (Autocast.Begin(true))
        {
            rounded = SoftmaxOutput.LossSum(layer, features, targets);
        }
        Assert.NotEqual(expected.item<float>(), rounded.item<float>());
        Assert.Equal(expected.item<float>(), rounded.item<float>(), tolerance: 0.1);
    }

    private static Linear Layer(Tensor weights)
    {
        var layer = nn.Linear(weights.size(1), weights.size(0));
        using (no_grad())
        {
            layer.weight!.copy_(weights);
            layer.bias!.fill_(0.1);
        }
        foreach (var parameter in layer.parameters())
        {
            parameter.grad = zeros_like(parameter);
        }
        return layer;
    }

    private static void AssertClose(Tensor expected, Tensor actual) =>
        Assert.True(expected.allclose(actual, rtol: 1e-4, atol: 1e-5));
}

using Granary.Models.Torch;
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
        var layer = nn.Linear(Features, Classes);
        foreach (var parameter in layer.parameters())
        {
            parameter.grad = zeros_like(parameter);
        }
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
        var layer = nn.Linear(1, Classes);
        foreach (var parameter in layer.parameters())
        {
            parameter.grad = zeros_like(parameter);
        }
        var features = full(1, 1, 1e4f).requires_grad_(true);
        var expected = nn.functional.cross_entropy(layer.call(features), tensor([3L]), reduction: nn.Reduction.Sum).item<float>();
        Assert.Equal(expected, SoftmaxOutput.LossSum(layer, features, tensor([3L])).item<float>(), tolerance: 1e-3 * expected);
    }

    private static void AssertClose(Tensor expected, Tensor actual) =>
        Assert.True(expected.allclose(actual, rtol: 1e-4, atol: 1e-5));
}

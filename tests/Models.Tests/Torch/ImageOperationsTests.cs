using Granary.Torch.Operations;
using static TorchSharp.torch;

namespace Granary.Models.Tests.Torch;

public sealed class ImageOperationsTests : IDisposable
{
    private readonly TorchSharp.DisposeScope scope = NewDisposeScope();
    private readonly Generator random = new(1);

    public void Dispose()
    {
        random.Dispose();
        scope.Dispose();
    }

    [Theory]
    [InlineData(64, 0, true)]
    [InlineData(32, 0.2, false)]
    [InlineData(20, 0, true)]
    [InlineData(20, 1, false)]
    [InlineData(3, 1, true)]
    public void BatchNormalization_WithWhatFollows_IsThatOfTheModules(int channels, double slope, bool adds)
    {
        var (ours, theirs) = (Norm(channels), Norm(channels));
        // A large mean, which a sum of squares would drown in; 3 x 5 x 7 places, which no vector divides.
        var x = (Noise(3, channels, 5, 7) * 2 + 500).requires_grad_(true);
        var added = adds ? Noise(3, channels, 5, 7).requires_grad_(true) : null;
        var weights = Noise(3, channels, 5, 7);

        var expected = theirs.call(x) + (added ?? zeros(1));
        expected = where(expected < 0, expected * slope, expected);
        (expected * weights).sum().backward();
        Tensor[] gradients = [.. new[] { x, added }.OfType<Tensor>().Select(tensor => tensor.grad!.clone())];
        x.grad!.zero_();
        added?.grad!.zero_();
        var found = BatchNormalization.Of(ours, ChannelsLast.Of(x), slope, added);
        (found * weights).sum().backward();

        AssertClose(expected, found);
        AssertClose(gradients[0], x.grad!);
        AssertClose(adds ? gradients[1] : x.grad!, adds ? added!.grad! : x.grad!);
        AssertClose(theirs.weight!.grad!, ours.weight!.grad!);
        AssertClose(theirs.bias!.grad!, ours.bias!.grad!);
        AssertClose(theirs.running_mean!, ours.running_mean!);
        AssertClose(theirs.running_var!, ours.running_var!);
        Assert.Equal(1, ours.num_batches_tracked!.item<long>());
    }

    [Fact]
    public void Output_MayBeChangedInPlace()
    {
        var x = Noise(2, 16, 4, 4).requires_grad_(true);
        BatchNormalization.Of(Norm(16), ChannelsLast.Of(x), slope: 1).relu_().sum().backward();
        Assert.NotNull(x.grad);
    }

    [Fact]
    public void BatchNormalization_InEvaluation_MovesNothing()
    {
        var norm = Norm(16);
        norm.eval();
        var x = ChannelsLast.Of(Noise(2, 16, 4, 4));
        Assert.True(BatchNormalization.Of(norm, x, slope: 1).allclose(norm.call(x)));
        Assert.Equal(0, norm.num_batches_tracked!.item<long>());
    }

    [Fact]
    public void BatchNormalization_WithFrozenParameters_GivesThemNoGradient()
    {
        var norm = Norm(16);
        norm.weight!.requires_grad = norm.bias!.requires_grad = false;
        var x = Noise(2, 16, 4, 4).requires_grad_(true);
        BatchNormalization.Of(norm, ChannelsLast.Of(x)).square().sum().backward();
        Assert.NotNull(x.grad);
        Assert.Null(norm.weight.grad);
    }

    [Theory]
    [InlineData(16, 4, 6)]
    [InlineData(20, 5, 7)]
    [InlineData(50, 8, 8)]
    public void MaxPooling_IsThatOfTheModule(int channels, int height, int width)
    {
        using var pool = nn.MaxPool2d(2);
        // Whole numbers: many are equal, and the first of them gets the gradient.
        var x = (Noise(2, channels, height, width) * 2).round().requires_grad_(true);
        var expected = pool.call(x);
        var weights = Noise(expected.shape);
        (expected * weights).sum().backward();
        var gradient = x.grad!.clone();
        x.grad!.zero_();
        var found = MaxPooling.Of(pool, ChannelsLast.Of(x));
        (found * weights).sum().backward();
        Assert.True(found.allclose(expected, rtol: 0, atol: 0));
        Assert.True(x.grad!.allclose(gradient, rtol: 0, atol: 0));
    }

    // Pictures of one channel and of three, also with frozen weights; a kernel as large as the image; sides that the stride does not divide.
    [Theory]
    [InlineData(1, 32, 4, 2, 1, 8, 8, true)]
    [InlineData(3, 8, 3, 1, 1, 7, 5, true)]
    [InlineData(3, 8, 3, 1, 1, 7, 5, false)]
    [InlineData(2, 5, 3, 2, 0, 8, 9, true)]
    [InlineData(24, 3, 4, 1, 0, 4, 4, true)]
    [InlineData(16, 8, 3, 1, 1, 6, 6, true)]
    public void Convolution_IsThatOfTheModule(int channels, int maps, int kernel, int stride, int padding, int height, int width, bool learns)
    {
        var module = nn.Conv2d(channels, maps, kernel, stride, padding);
        module.weight!.requires_grad = learns;
        AssertSame(module, x => LaidConvolution.Of(module, x), [3, channels, height, width]);
    }

    // Beside the other layout: in this one libtorch's own may write beyond the end of a gradient.
    [Theory]
    [InlineData(4, 8, 2)]
    [InlineData(7, 5, 3)]
    public void Convolution_OfSomePlacesOfFewChannels_IsThatOfTheModule(int channels, int maps, int stride)
    {
        using var module = nn.Conv2d(channels, maps, 1, stride);
        var x = Noise([3, channels, 8, 9]).requires_grad_(true);
        Tensor[] learning = [x, .. module.parameters()];
        var expected = module.call(x);
        var weights = Noise(expected.shape);
        (expected * weights).sum().backward();
        var gradients = learning.Select(tensor => tensor.grad!.clone()).ToList();
        Array.ForEach(learning, tensor => tensor.grad!.zero_());
        var found = LaidConvolution.Of(module, ChannelsLast.Of(x));
        (found * weights).sum().backward();
        AssertClose(expected, found);
        foreach (var (gradient, tensor) in gradients.Zip(learning))
        {
            AssertClose(gradient, tensor.grad!);
        }
    }

    [Theory]
    [InlineData(32, 1, 4, 2, 1, 5, 4)]
    [InlineData(8, 3, 3, 1, 1, 7, 5)]
    [InlineData(8, 3, 2, 3, 0, 4, 4)]
    [InlineData(24, 8, 4, 1, 0, 1, 1)]
    [InlineData(16, 8, 4, 2, 1, 4, 4)]
    public void TransposedConvolution_IsThatOfTheModule(int maps, int channels, int kernel, int stride, int padding, int height, int width)
    {
        var module = nn.ConvTranspose2d(maps, channels, kernel, stride, padding, bias: false);
        AssertSame(module, x => LaidConvolution.Of(module, x), [3, maps, height, width]);
    }

    [Fact]
    public void Layers_ComputedAgain_HaveTheSameBits()
    {
        var norm = Norm(24);
        var x = Noise(4, 24, 6, 6).requires_grad_(true);
        Tensor Gradient()
        {
            x.grad?.zero_();
            BatchNormalization.Of(norm, ChannelsLast.Of(x), slope: 0.2).square().sum().backward();
            return x.grad!.clone();
        }
        Assert.True(Gradient().allclose(Gradient(), rtol: 0, atol: 0));
    }

    /// <summary>Holds a module's other form against it, with all gradients.</summary>
    private void AssertSame(nn.Module<Tensor, Tensor> module, Func<Tensor, Tensor> other, long[] shape)
    {
        using (module)
        {
            var x = ChannelsLast.Of(Noise(shape)).requires_grad_(true);
            var (found, weights) = (new List<Tensor>(), default(Tensor));
            foreach (var way in new[] { module.call, other })
            {
                var y = way(x).leaky_relu_(0.2);
                weights ??= Noise(y.shape);
                (y * weights).sum().backward();
                found.AddRange([y, .. module.parameters().Prepend(x).Select(tensor => tensor.grad?.clone() ?? zeros(1))]);
                foreach (var tensor in module.parameters().Prepend(x))
                {
                    tensor.grad?.zero_();
                }
            }
            foreach (var (expected, actual) in found.Take(found.Count / 2).Zip(found.Skip(found.Count / 2)))
            {
                Assert.Equal(expected.shape, actual.shape);
                AssertClose(expected, actual);
            }
        }
    }

    private static TorchSharp.Modules.BatchNorm2d Norm(int channels)
    {
        var norm = nn.BatchNorm2d(channels);
        using (no_grad())
        {
            norm.weight!.copy_(linspace(-1, 2, channels));
            norm.bias!.copy_(linspace(1, -1, channels));
        }
        return norm;
    }

    private Tensor Noise(params long[] shape) => empty(shape).normal_(0, 1, random);

    private static void AssertClose(Tensor expected, Tensor actual) =>
        Assert.True(actual.allclose(expected, rtol: 1e-3, atol: 2e-4 * Math.Max(1, expected.abs().max().item<float>())), $"{(actual - expected).abs().max().item<float>()} of {expected.abs().max().item<float>()}");
}

// B batch, T time, C channels
using Granary.Torch.Operations;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Granary.Models.Tests.Torch;

/// <summary>Each layer by hand against itself in double precision, which is not computed by hand: outputs and all gradients.</summary>
public sealed class LayersTests : IDisposable
{
    private const int Channels = 24;
    private readonly DisposeScope scope = NewDisposeScope();
    private readonly Tensor x_BTC = rand(3, 19, Channels, generator: new Generator(1)) - 0.5;

    public void Dispose() => scope.Dispose();

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Linear(bool hasBias) => IsAsInDoublePrecision([nn.Linear(Channels, 33, hasBias)], (modules, x) => Layers.Linear((Linear)modules[0], x));

    [Fact]
    public void LayerNorm() => IsAsInDoublePrecision([nn.LayerNorm(Channels)], (modules, x) => Layers.LayerNorm((LayerNorm)modules[0], x));

    [Fact]
    public void LayerNorm_WithoutParameters() => IsAsInDoublePrecision([nn.LayerNorm(Channels, elementwise_affine: false)], (modules, x) => Layers.LayerNorm((LayerNorm)modules[0], x));

    [Fact]
    public void BatchNorm() => IsAsInDoublePrecision([nn.BatchNorm2d(Channels)], (modules, x) => Layers.BatchNorm((BatchNorm2d)modules[0], x.unsqueeze(1).permute(0, 3, 2, 1), slope: 0));

    [Fact]
    public void Gru() => IsAsInDoublePrecision([nn.GRU(Channels, 17)], (modules, x) => Layers.Gru((GRU)modules[0], x));

    [Fact]
    public void Lstm() => IsAsInDoublePrecision([nn.LSTM(Channels, 17)], (modules, x) => Layers.Lstm((LSTM)modules[0], x));

    [Theory]
    [InlineData(1, true)]
    [InlineData(4, true)]
    [InlineData(3, false)]
    public void SelfAttention(int heads, bool causal) => IsAsInDoublePrecision(
        [nn.LayerNorm(Channels), nn.Linear(Channels, 3 * Channels), nn.Linear(Channels, Channels, hasBias: false)],
        (modules, x) => Layers.SelfAttention(x, (LayerNorm)modules[0], (Linear)modules[1], (Linear)modules[2], heads, causal));

    [Fact]
    public void FeedForward() => IsAsInDoublePrecision(
        [nn.LayerNorm(Channels), nn.Linear(Channels, 50), nn.Linear(50, Channels)],
        (modules, x) => Layers.FeedForward(x, (LayerNorm)modules[0], (Linear)modules[1], (Linear)modules[2]));

    /// <summary>Which is not among the layers, but in a model.</summary>
    [Fact]
    public void GlobalAttention_OverSentencesOfSeveralLengths() => IsAsInDoublePrecision([nn.Linear(Channels, Channels)], (modules, x) =>
    {
        var keys_SBH = ((Linear)modules[0]).call(x).narrow(0, 0, 2);
        return GlobalAttention.Of(x, keys_SBH, cat([keys_SBH, x.narrow(0, 1, 2)], 2), arange(2).unsqueeze(0).ge(tensor([2L, 1L]).repeat(10).narrow(0, 0, 19).unsqueeze(1))).Seen_TBM;
    });

    [Fact]
    public void Dropout_DropsOnlyWhatTheHalfAdds()
    {
        using var norm = nn.LayerNorm(Channels);
        using var layer = nn.Linear(Channels, Channels);
        using var dropout = nn.Dropout(0.5);
        var kept = Layers.FeedForward(x_BTC, norm, layer, layer, dropout).eq(x_BTC).to(float32).mean().item<float>();
        Assert.InRange(kept, 0.4, 0.6);
    }

    [Fact]
    public void SelfAttention_OfHeadsThatCannotShare_IsRefused()
    {
        using var norm = nn.LayerNorm(Channels);
        using var layer = nn.Linear(Channels, 3 * Channels);
        Assert.Contains("5 heads cannot share 24 channels", Assert.Throws<ArgumentException>(() => Layers.SelfAttention(x_BTC, norm, layer, layer, 5, causal: true)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Recurrent_OfSeveralLayers_IsRefused()
    {
        using var module = nn.GRU(Channels, 8, numLayers: 2);
        Assert.Contains("this one has 8", Assert.Throws<ArgumentException>(() => Layers.Gru(module, x_BTC)).Message, StringComparison.Ordinal);
    }

    private void IsAsInDoublePrecision(nn.Module[] modules, Func<nn.Module[], Tensor, Tensor> compute)
    {
        var byHand = Run(float32);
        var ordinary = Run(float64);
        foreach (var (ours, theirs) in byHand.Zip(ordinary))
        {
            Assert.True(ours.to(float64).allclose(theirs, rtol: 1e-4, atol: 1e-5), $"{ours.shape.Length} dimensions, off by {(ours.to(float64) - theirs).abs().max().item<double>()}");
        }

        List<Tensor> Run(ScalarType type)
        {
            foreach (var module in modules)
            {
                module.to(type);
                module.zero_grad();
            }
            var x = x_BTC.to(type).detach().requires_grad_();
            var y = compute(modules, x);
            (y * arange(y.numel(), dtype: type).cos().view(y.shape)).sum().backward();
            return [y.detach(), x.grad!, .. modules.SelectMany(module => module.parameters()).Select(parameter => parameter.grad!.clone())];
        }
    }
}

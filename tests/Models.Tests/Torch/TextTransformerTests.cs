using Granary.Torch.Networks;
using static TorchSharp.torch;

namespace Granary.Models.Tests.Torch;

public sealed class TextTransformerTests : IDisposable
{
    private readonly TorchSharp.DisposeScope scope = NewDisposeScope();
    private readonly Tensor text = tensor([3L, 1, 4, 1, 5, 9, 2, 6], [1, 8]);

    public void Dispose() => scope.Dispose();

    [Fact]
    public void Reading_OnFromAMemory_IsReadingAllAtOnce()
    {
        using var frozen = no_grad();
        using var network = Network(causal: true);
        var whole = network.Read(text);
        var memory = new TransformerMemory(2);
        Tensor[] pieces = [network.Read(text.narrow(1, 0, 3), memory: memory), network.Read(text.narrow(1, 3, 1), memory: memory), network.Read(text.narrow(1, 4, 4), memory: memory)];
        Assert.Equal(8, memory.Length);
        Assert.True(cat(pieces, 1).allclose(whole, rtol: 1e-4, atol: 1e-5));
    }

    [Fact]
    public void Token_OfACausalText_SeesNoneBehindIt()
    {
        using var frozen = no_grad();
        foreach (var causal in new[] { true, false })
        {
            using var network = Network(causal);
            var before = network.Read(text);
            var other = text.clone();
            other[0, 5] = tensor(0L);
            var after = network.Read(other);
            Assert.Equal(causal, Same(before.narrow(1, 0, 5), after.narrow(1, 0, 5)));
            Assert.False(Same(before.narrow(1, 5, 1), after.narrow(1, 5, 1)));
        }
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Padding_IsNotSeen(bool causal)
    {
        using var frozen = no_grad();
        using var network = Network(causal);
        var rows = cat([text, text.roll(1, 1)], 0);
        var padding = zeros(2, 8, dtype: @bool);
        padding[0, TensorIndex.Slice(5)] = tensor(true);
        var padded = network.Read(rows, padding);
        Assert.True(padded[0].narrow(0, 0, 5).allclose(network.Read(text.narrow(1, 0, 5))[0], rtol: 1e-4, atol: 1e-5));
        Assert.True(padded[1].allclose(network.Read(rows.narrow(0, 1, 1))[0], rtol: 1e-4, atol: 1e-5));
    }

    private static bool Same(Tensor first, Tensor second) => first.allclose(second, rtol: 0, atol: 0);

    private static TextTransformer Network(bool causal)
    {
        var network = new TextTransformer(new(Vocabulary: 10, Context: 8, Layers: 2, Heads: 2, Width: 8, Dropout: 0, causal));
        TextTransformer.Initialize(network, seed: 1);
        // Larger, so that all of it shows.
        foreach (var parameter in network.parameters().Where(parameter => parameter.dim() > 1))
        {
            parameter.mul_(10);
        }
        network.eval();
        return network;
    }
}

using Granary.Torch;
using Granary.Torch.Devices;
using Granary.Torch.Networks;
using static TorchSharp.torch;

namespace Granary.Models.Tests.Torch;

public sealed class TextTransformerTests : IDisposable
{
    private const int Time = 21;
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

    [Theory]
    [InlineData(8, true, false, 0)]
    [InlineData(8, false, true, 0.3)]
    [InlineData(84, true, true, 0)]
    [InlineData(160, false, false, 0)]
    [InlineData(160, true, false, 0.3)]
    public void GradientsByHand_AreThoseOfAutograd(int width, bool causal, bool padded, double dropout)
    {
        using var network = Network(causal, width, dropout);
        network.train();
        var random = new PassRandom(HostDevice.Only);
        ServedDropout.Attach(network, random.Mask);
        var some = tensor(Enumerable.Range(0, 2 * Time).Select(number => (long)(number * number % 10)).ToArray(), [2, Time]);
        var padding = padded ? arange(Time).expand(2, Time).ge(tensor([Time - 3L, Time]).unsqueeze(1)) : null;
        using var generator = new Generator(1);
        var weights = empty(2, Time, width).normal_(0, 1, generator);
        var known = network.named_parameters().Single(entry => entry.name == "h.1.mlp.c_fc.weight").parameter;
        known.requires_grad = false;

        // With a memory it goes the ordinary way.
        var (plain, expected) = Learn(new TransformerMemory(2));
        var (byHand, found) = Learn(memory: null);

        Assert.True(byHand.allclose(plain, rtol: 1e-4, atol: 1e-4));
        Assert.Equal(expected.Keys, found.Keys);
        Assert.DoesNotContain("h.1.mlp.c_fc.weight", found.Keys);
        Assert.All(found, entry => Assert.True(entry.Value.allclose(expected[entry.Key], rtol: 1e-3, atol: 1e-4 * expected[entry.Key].abs().max().item<float>()), entry.Key));
        var (again, same) = Learn(memory: null);
        Assert.True(Same(again, byHand));
        Assert.All(same, entry => Assert.True(Same(entry.Value, found[entry.Key]), entry.Key));

        (Tensor, SortedDictionary<string, Tensor>) Learn(TransformerMemory? memory)
        {
            random.Seed(7);
            var read = network.Read(some, padding, memory);
            network.zero_grad();
            (read * weights).sum().backward();
            return (read, new(network.named_parameters().Where(entry => entry.parameter.requires_grad).ToDictionary(entry => entry.name, entry => entry.parameter.grad!.clone())));
        }
    }

    private static bool Same(Tensor first, Tensor second) => first.allclose(second, rtol: 0, atol: 0);

    private static TextTransformer Network(bool causal, int width = 8, double dropout = 0)
    {
        using var unlearned = no_grad();
        var network = new TextTransformer(new(Vocabulary: 10, Context: Time, Layers: 2, Heads: 2, width, dropout, causal));
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

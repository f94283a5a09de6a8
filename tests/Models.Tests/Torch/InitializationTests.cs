using Granary.Torch.Networks;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Granary.Models.Tests.Torch;

public class InitializationTests
{
    public static TheoryData<string> Kinds => [.. makers.Keys];

    private static readonly Dictionary<string, Func<nn.Module>> makers = new()
    {
        ["linear"] = () => nn.Linear(64, 32),
        ["convolution"] = () => nn.Conv2d(8, 16, 3),
        ["transposed convolution"] = () => nn.ConvTranspose2d(8, 16, 3),
        ["bilinear"] = () => nn.Bilinear(16, 8, 32),
        ["embedding"] = () => nn.Embedding(50, 16),
        ["bag"] = () => nn.EmbeddingBag(50, 16),
        ["layer norm"] = () => nn.LayerNorm(16),
        ["batch norm"] = () => nn.BatchNorm3d(16),
        ["instance norm"] = () => nn.InstanceNorm2d(16, affine: true),
        ["gru"] = () => nn.GRU(16, 32),
        ["lstm cell"] = () => nn.LSTMCell(16, 32),
        ["prelu"] = () => nn.PReLU(4),
        ["attention"] = () => nn.MultiheadAttention(32, 4),
        ["encoder layer"] = () => nn.TransformerEncoderLayer(32, 4, 64, dropout: 0),
    };

    /// <summary>The values that libtorch itself gives are the measure: as wide, and constant where they are.</summary>
    [Theory]
    [MemberData(nameof(Kinds))]
    public void Module_OfLibtorch_GetsValuesOfTheKindThatItGives(string kind)
    {
        using var scope = NewDisposeScope();
        using nn.Module theirs = makers[kind](), ours = makers[kind](), again = makers[kind]();
        Initialization.Default(ours, seed: 3);
        Initialization.Default(again, seed: 3);
        foreach (var ((name, mine), (_, same), (_, their)) in ours.named_parameters().Zip(again.named_parameters(), theirs.named_parameters()))
        {
            Assert.Equal(mine.data<float>().ToArray(), same.data<float>().ToArray());
            double Deviation(Tensor values) => Math.Sqrt(values.square().mean().item<float>());
            var (deviation, wanted) = (Deviation(mine), Deviation(their));
            Assert.True(wanted == 0 || mine.numel() < 100 ? Math.Abs(deviation - wanted) < 0.2 : deviation / wanted is > 0.8 and < 1.25, $"{name}: {deviation} instead of {wanted}");
        }
    }

    /// <summary>TorchSharp leaves its weight at 0, with which it would give nothing but zeros. PyTorch's is 1.</summary>
    [Fact]
    public void GroupNorm_BeginsAsInPyTorch()
    {
        using var norm = nn.GroupNorm(4, 16);
        Initialization.Default(norm, seed: 1);
        Assert.All(norm.weight!.data<float>().ToArray(), value => Assert.Equal(1, value));
        Assert.All(norm.bias!.data<float>().ToArray(), value => Assert.Equal(0, value));
    }

    [Fact]
    public void Parameter_OfAModuleOfOnesOwn_KeepsEqualValuesAndNoOthers()
    {
        using var scope = NewDisposeScope();
        using var even = new Own(ones(3, 4));
        Initialization.Default(even, seed: 1);
        Assert.All(even.Mix.data<float>().ToArray(), value => Assert.Equal(1, value));

        using var random = new Own(rand(3, 4));
        Assert.Contains("Own.mix has been made from values that differ", Assert.Throws<UnfitNetworkException>(() => Initialization.Default(random, seed: 1)).Message, StringComparison.Ordinal);
        Initialization.Default(random, seed: 1, leave: parameter => ReferenceEquals(parameter, random.Mix));
    }

    private sealed class Own : nn.Module
    {
        private readonly Linear layer = nn.Linear(2, 2);
        private readonly Parameter mix;

        public Own(Tensor values) : base("own")
        {
            mix = new(values);
            RegisterComponents();
        }

        public Parameter Mix => mix;

        public Linear Layer => layer;
    }
}

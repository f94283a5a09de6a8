// B batch, T time, C channels, H heads, V vocabulary, N = B T
using Granary.Torch;
using Granary.Torch.Data;
using Granary.Torch.Networks;
using Granary.Torch.Operations;
using Granary.Training.Optimization;
using Granary.Training.Randomness;
using Granary.Training.Tasks;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Granary.Bench.Steps;

/// <summary>
/// A small GPT on one random batch: 4 blocks, 256 channels, 4 heads, 16 rows of 128 words out of 10,000; AdamW, the norm of
/// the gradient at most 1. Of ordinary modules as a user writes them, or by way of <see cref="Layers"/>.
/// </summary>
[Learner("gpt", "a small GPT on one random batch")]
internal sealed class Gpt : NetworkLearner<GptSettings, Examples>
{
    private const int Vocabulary = 10_000, Channels = 256, Heads = 4, Blocks = 4, Rows = 16, Length = 128;
    private readonly Transformer network;

    public Gpt(LearnerContext context) : base(context) => network = new(Settings.ByLayers);

    protected override nn.Module Network => network;

    protected override Func<IBatches<Examples>> Training => () => new FixedBatch(new(RandomWords(seed: 1), RandomWords(seed: 2)), Spec);

    protected override Tensor LossSum(Examples batch, ShardPass pass)
    {
        pass.Weight += batch.Targets.numel();
        return SoftmaxOutput.LossSum(network.Decoder, network.call(batch.Inputs).flatten(0, 1), batch.Targets.flatten());
    }

    private static Tensor RandomWords(ulong seed)
    {
        var random = new StepRandom(seed);
        return tensor([.. Enumerable.Range(0, Rows * Length).Select(_ => (long)random.Next(Vocabulary))], [Rows, Length]).DetachFromDisposeScope();
    }

    private sealed class Transformer : nn.Module<Tensor, Tensor>
    {
        private readonly Embedding encoder = nn.Embedding(Vocabulary, Channels), position = nn.Embedding(Length, Channels);
        private readonly ModuleList<nn.Module<Tensor, Tensor>> blocks;
        private readonly LayerNorm norm = nn.LayerNorm(Channels);
        private readonly Linear decoder = nn.Linear(Channels, Vocabulary, hasBias: false);
        private readonly Tensor places_T = arange(Length, int64);

        public Transformer(bool byLayers) : base("gpt")
        {
            blocks = nn.ModuleList<nn.Module<Tensor, Tensor>>([.. Enumerable.Range(0, Blocks).Select(_ => new Block(byLayers))]);
            RegisterComponents();
        }

        public Linear Decoder => decoder;

        public override Tensor forward(Tensor words_BT) =>
            norm.call(blocks.Aggregate(encoder.call(words_BT) + position.call(places_T), (x_BTC, block) => block.call(x_BTC)));
    }

    private sealed class Block : nn.Module<Tensor, Tensor>
    {
        private readonly LayerNorm norm1 = nn.LayerNorm(Channels), norm2 = nn.LayerNorm(Channels);
        private readonly Linear qkv = nn.Linear(Channels, 3 * Channels), project = nn.Linear(Channels, Channels);
        private readonly Linear widen = nn.Linear(Channels, 4 * Channels), narrow = nn.Linear(4 * Channels, Channels);
        private readonly bool byLayers;
        private readonly Tensor future_TT = full([Length, Length], float.NegativeInfinity).triu(1);

        public Block(bool byLayers) : base("block")
        {
            this.byLayers = byLayers;
            RegisterComponents();
        }

        public override Tensor forward(Tensor x_BTC)
        {
            if (byLayers)
            {
                x_BTC = Layers.SelfAttention(x_BTC, norm1, qkv, project, Heads, causal: true);
                return Layers.FeedForward(x_BTC, norm2, widen, narrow);
            }
            x_BTC = x_BTC + project.call(Attend(qkv.call(norm1.call(x_BTC))));
            return x_BTC + narrow.call(nn.functional.gelu(widen.call(norm2.call(x_BTC))));
        }

        // By hand: at this length libtorch's scaled_dot_product_attention takes longer on the CPU.
        private Tensor Attend(Tensor qkv_BTC)
        {
            var parts = qkv_BTC.view(Rows, Length, 3, Heads, Channels / Heads).permute(2, 0, 3, 1, 4).unbind(0);
            var weights_BHTT = (parts[0] * (1 / Math.Sqrt(Channels / Heads))).matmul(parts[1].transpose(-2, -1)).add_(future_TT).softmax(-1);
            return weights_BHTT.matmul(parts[2]).transpose(1, 2).reshape(Rows, Length, Channels);
        }
    }
}

internal sealed record GptSettings : NetworkSettings
{
    public GptSettings() => (Optimizer, WeightDecay, LearningRate, Clip) = (OptimizerChoice.AdamW, 0.01, 3e-4, 1);

    [Setting("whether its blocks are computed by Granary's Layers")]
    public bool ByLayers { get; init; }
}

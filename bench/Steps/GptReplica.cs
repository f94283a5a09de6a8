// B batch, T time, C channels, H heads, V vocabulary
using Granary.Torch;
using Granary.Training.Optimization;
using Granary.Training.Randomness;
using Granary.Training.Tasks;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Granary.Bench.Steps;

/// <summary>
/// A small GPT on one random batch: 4 blocks, 256 channels, 4 heads, 16 rows of 128 words out of 10,000; AdamW, the norm of
/// the gradient at most 1.
/// </summary>
internal sealed class GptReplica : NetworkReplica
{
    private const int Vocabulary = 10_000, Channels = 256, Heads = 4, Blocks = 4, Rows = 16, Length = 128;
    private readonly Network network;
    private readonly Tensor words_BT, next_N;

    public GptReplica(bool rounded) : this(new Network(), rounded)
    {
    }

    private GptReplica(Network network, bool rounded)
        : base(new() { Task = "gpt", Shards = 1 }, network, new()
        {
            Optimizer = OptimizerChoice.AdamW,
            WeightDecay = 0.01,
            LearningRate = 3e-4,
            Clip = 1,
            Autocast = rounded ? Autocast.BFloat16 : Autocast.Off,
        })
    {
        this.network = network;
        (words_BT, next_N) = (RandomWords(seed: 1).view(Rows, Length), RandomWords(seed: 2));
    }

    public override long StepsPerEpoch => 1;

    public override long TotalSteps => long.MaxValue;

    public override string Unit => "tokens";

    public override void Dispose()
    {
        words_BT.Dispose();
        next_N.Dispose();
        base.Dispose();
    }

    protected override (Tensor LossSum, double Weight) Loss(Coordinates at, LaneRandom random, ReadOnlySpan<float> carry, Span<float> carryNext) =>
        (SoftmaxOutput.LossSum(network.Decoder, network.call(words_BT).flatten(0, 1), next_N), Rows * Length);

    protected override Metrics Examine() => [];

    private static Tensor RandomWords(ulong seed)
    {
        var random = new StepRandom(seed);
        return tensor([.. Enumerable.Range(0, Rows * Length).Select(_ => (long)random.Next(Vocabulary))]);
    }

    private sealed class Network : nn.Module<Tensor, Tensor>
    {
        private readonly Embedding encoder = nn.Embedding(Vocabulary, Channels), position = nn.Embedding(Length, Channels);
        private readonly ModuleList<nn.Module<Tensor, Tensor>> blocks = nn.ModuleList<nn.Module<Tensor, Tensor>>([.. Enumerable.Range(0, Blocks).Select(_ => new Block())]);
        private readonly LayerNorm norm = nn.LayerNorm(Channels);
        private readonly Linear decoder = nn.Linear(Channels, Vocabulary, hasBias: false);
        private readonly Tensor places_T = arange(Length, int64);

        public Network() : base("gpt")
        {
            RegisterComponents();
            Initialization.Default(this, seed: 1);
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
        private readonly Tensor future_TT = full([Length, Length], float.NegativeInfinity).triu(1);

        public Block() : base("block") => RegisterComponents();

        public override Tensor forward(Tensor x_BTC)
        {
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

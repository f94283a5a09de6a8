// B batch, T time, C features, H heads, N = B T
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Granary.Bench.Models.Plain;

/// <summary>GPT, and BERT, which sees all of a text but the words it is asked for.</summary>
internal sealed class Transformer : Module<Tensor, Tensor?, Tensor>
{
    private const int Vocabulary = 66, Width = 128, Layers = 4, Heads = 4, Context = 64;
    private readonly Embedding tokens = Embedding(Vocabulary, Width), places = Embedding(Context, Width);
    private readonly Parameter bias = new(zeros(Vocabulary));
    private readonly LayerNorm norm = LayerNorm(Width);
    private readonly Sequential layers;

    private Transformer(bool causal) : base(nameof(Transformer))
    {
        layers = Sequential([.. Enumerable.Range(0, Layers).Select(_ => new Layer(causal))]);
        RegisterComponents();
    }

    public static Action Create(bool causal)
    {
        var net = new Transformer(causal);
        var (decay, rows) = causal ? (0.1, 12) : (0.01, 16);
        var optimizer = optim.AdamW(
            [
                new AdamW.ParamGroup(net.parameters().Where(parameter => parameter.dim() > 1), lr: 1e-3, weight_decay: decay),
                new AdamW.ParamGroup(net.parameters().Where(parameter => parameter.dim() < 2), lr: 1e-3, weight_decay: 0),
            ],
            1e-3);
        var words_BT = randint(65, [rows, Context], int64);
        var asked = causal ? null : randperm(rows * Context)[..(rows * Context * 15 / 100)];
        var targets = randint(65, [asked?.shape[0] ?? rows * Context], int64);
        return PlainModel.Stepping(net.parameters(), optimizer, () => functional.cross_entropy(net.call(words_BT, asked), targets), clip: 1);
    }

    public override Tensor forward(Tensor words_BT, Tensor? asked)
    {
        var x_NC = norm.call(layers.call(tokens.call(words_BT) + places.weight!)).flatten(0, 1);
        return asked is null ? functional.linear(x_NC, tokens.weight!) : functional.linear(x_NC[asked], tokens.weight!, bias);
    }

    private sealed class Layer : Module<Tensor, Tensor>
    {
        private readonly bool causal;
        private readonly LayerNorm norm1 = LayerNorm(Width), norm2 = LayerNorm(Width);
        private readonly Linear qkv = Linear(Width, 3 * Width), project = Linear(Width, Width), widen = Linear(Width, 4 * Width), narrow = Linear(4 * Width, Width);

        public Layer(bool causal) : base(nameof(Layer))
        {
            this.causal = causal;
            RegisterComponents();
        }

        public override Tensor forward(Tensor x_BTC)
        {
            var (batch, time) = (x_BTC.shape[0], x_BTC.shape[1]);
            Tensor[] qkv_BHTC = [.. qkv.call(norm1.call(x_BTC)).split(Width, 2).Select(part => part.view(batch, time, Heads, -1).transpose(1, 2))];
            var seen_BHTC = functional.scaled_dot_product_attention(qkv_BHTC[0], qkv_BHTC[1], qkv_BHTC[2], is_casual: causal);
            x_BTC += project.call(seen_BHTC.transpose(1, 2).reshape(batch, time, Width));
            return x_BTC + narrow.call(widen.call(norm2.call(x_BTC)).gelu(TorchSharp.Modules.GELU.Approximate.tanh));
        }
    }
}

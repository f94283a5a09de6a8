// B batch, T time, N tokens, V vocabulary, S time with what is remembered, C channels, H heads, X = B H, D channels of a head, O outputs, R rows
using Granary.Torch.Operations;
using Granary.Training.Randomness;
using Granary.Training.Tasks;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Granary.Torch.Networks;

/// <param name="Vocabulary">How many tokens there are.</param>
/// <param name="Context">Most tokens of a text.</param>
/// <param name="Width">Channels; a multiple of the heads.</param>
/// <param name="Dropout">Share of the values dropped after the embedding, of the attention, and after both halves of a layer.</param>
/// <param name="Causal">Whether a token sees only those before it.</param>
internal sealed record TransformerShape(int Vocabulary, int Context, int Layers, int Heads, int Width, double Dropout, bool Causal)
{
    /// <exception cref="TaskSettingException">The heads cannot share the width.</exception>
    public static TransformerShape Checked(int vocabulary, int context, int layers, int heads, int width, double dropout, bool causal) => width % heads == 0
        ? new(vocabulary, context, layers, heads, width, dropout, causal)
        : throw new TaskSettingException($"Setting 'width' must be a multiple of 'heads'; they are {width} and {heads}.");
}

/// <summary>
/// What reads a text: GPT-2's layers (Radford et al., 2019), in which normalization comes first, with GPT-2's names and the layout of its
/// tensors. A model derives its network from this if it adds a head. By <see cref="TransformerShape.Causal"/> it is a language model's or
/// one that reads in both directions.
/// </summary>
internal partial class TextTransformer : nn.Module
{
    private readonly TransformerShape shape;
    private readonly Rows tokens, places;
    private readonly Dropout dropout;
    private readonly ModuleList<Layer> layers;
    private readonly LayerNorm norm;

    public TextTransformer(TransformerShape shape) : base("text")
    {
        this.shape = shape;
        (tokens, places) = (new(shape.Vocabulary, shape.Width), new(shape.Context, shape.Width));
        (dropout, norm) = (nn.Dropout(shape.Dropout), nn.LayerNorm(shape.Width));
        layers = nn.ModuleList([.. Enumerable.Range(0, shape.Layers).Select(_ => new Layer(shape))]);
        register_module("wte", tokens);
        register_module("wpe", places);
        register_module("drop", dropout);
        register_module("h", layers);
        register_module("ln_f", norm);
    }

    /// <summary>What every token has become, seen with the others.</summary>
    /// <param name="padding_BT">Where a row has ended, if rows differ in length: true there.</param>
    /// <param name="memory">What came before the tokens, of one row; these are added to it. Default: nothing did.</param>
    public Tensor Read(Tensor tokens_BT, Tensor? padding_BT = null, TransformerMemory? memory = null)
    {
        var (before, time) = (memory?.Length ?? 0, tokens_BT.size(1));
        var read_BTC = tokens.Weight_RC.index_select(0, tokens_BT.flatten()).view(tokens_BT.size(0), time, shape.Width);
        var x_BTC = dropout.call(read_BTC + places.Weight_RC.narrow(0, before, time));
        if (memory is null && HandGradient.Takes(x_BTC))
        {
            using var hidden_B1T = padding_BT is null ? null : Hidden(padding_BT);
            x_BTC = layers.Aggregate(x_BTC, (read_BTC, layer) => layer.Forward(read_BTC, shape.Causal, hidden_B1T));
        }
        else
        {
            using var unseen = Unseen(before, time, padding_BT, x_BTC.device);
            for (var i = 0; i < layers.Count; i++)
            {
                x_BTC = layers[i].Forward(x_BTC, unseen, memory?.Layers[i]);
            }
        }
        return Normalization.Of(norm, x_BTC);
    }

    /// <summary>How much speaks for each token; the weights are those of the embedding.</summary>
    /// <param name="read">What tokens have become.</param>
    public Tensor Logits(Tensor read, Parameter? bias_V = null) => nn.functional.linear(read, tokens.Weight_RC, bias_V);

    /// <summary>The cross-entropy of such logits, summed; see <see cref="SoftmaxOutput"/>.</summary>
    public Tensor LossSum(Tensor read_NC, Tensor targets_N, Parameter? bias_V = null) => SoftmaxOutput.LossSum(tokens.Weight_RC, bias_V, read_NC, targets_N);

    /// <summary>GPT-2's initial values: deviation 0.02, smaller where layers add to the stream that all of them share; no bias.</summary>
    public static void Initialize(nn.Module network, ulong seed)
    {
        Initialization.Default(network, seed, leave: parameter => parameter.dim() > 1);
        var layers = network.modules().OfType<Layer>().Count();
        ulong number = 0;
        foreach (var (name, parameter) in network.named_parameters())
        {
            var random = new StepRandom(seed, ulong.MaxValue, number++);
            if (parameter.dim() > 1)
            {
                Initialization.Normal(parameter, 0, 0.02 / (name.EndsWith(".c_proj.weight", StringComparison.Ordinal) ? Math.Sqrt(2 * layers) : 1), ref random);
            }
            else if (name.EndsWith("bias", StringComparison.Ordinal))
            {
                Initialization.Uniform(parameter, 0, ref random);
            }
        }
    }

    /// <summary>Whether weight decay is for a parameter: for matrices it is, for biases and normalizations not.</summary>
    /// <param name="name">In <c>state_dict</c>.</param>
    public static bool IsMatrix(string name) => name.EndsWith("weight", StringComparison.Ordinal) && !name.Contains("ln_", StringComparison.Ordinal) && !name.Contains("LayerNorm", StringComparison.Ordinal);

    /// <summary>What is added to the attention's logits, so that what a token must not see weighs nothing.</summary>
    private Tensor? Unseen(long before, long time, Tensor? padding_BT, Device device)
    {
        var future_TS = shape.Causal && time > 1 ? full([time, before + time], float.NegativeInfinity, device: device).triu(before + 1) : null;
        if (padding_BT is null)
        {
            return future_TS;
        }
        var padding_X1S = Hidden(padding_BT).repeat_interleave(shape.Heads, 0);
        return future_TS is null ? padding_X1S : future_TS + padding_X1S;
    }

    private static Tensor Hidden(Tensor padding_BT) => zeros(padding_BT.shape, device: padding_BT.device).masked_fill(padding_BT, float.NegativeInfinity).unsqueeze(1);

    /// <summary>A vector for each token, or for each place.</summary>
    private sealed class Rows : nn.Module
    {
        public Rows(int rows, int width) : base("rows")
        {
            Weight_RC = new(zeros(rows, width));
            register_parameter("weight", Weight_RC);
        }

        public Parameter Weight_RC { get; }
    }

    private sealed partial class Layer : nn.Module
    {
        private readonly LayerNorm beforeAttention, beforeNetwork;
        private readonly Attention attention;
        private readonly TwoLayers network;
        private readonly Dropout dropout;

        public Layer(TransformerShape shape) : base("layer")
        {
            (beforeAttention, beforeNetwork, dropout) = (nn.LayerNorm(shape.Width), nn.LayerNorm(shape.Width), nn.Dropout(shape.Dropout));
            (attention, network) = (new(shape), new(shape.Width));
            register_module("ln_1", beforeAttention);
            register_module("attn", attention);
            register_module("ln_2", beforeNetwork);
            register_module("mlp", network);
            register_module("drop", dropout);
        }

        /// <summary>With gradients by hand.</summary>
        public Tensor Forward(Tensor x_BTC, bool causal, Tensor? hidden_B1T)
        {
            x_BTC = attention.WithNorm(beforeAttention, x_BTC, causal, hidden_B1T, dropout);
            return NetworkHalf.Of(x_BTC, beforeNetwork, network.Widen, network.Narrow, dropout);
        }

        public Tensor Forward(Tensor x_BTC, Tensor? unseen, LayerMemory? memory)
        {
            x_BTC = x_BTC + dropout.call(attention.Forward(beforeAttention.call(x_BTC), unseen, memory));
            return x_BTC + dropout.call(network.Forward(beforeNetwork.call(x_BTC)));
        }
    }

    private sealed partial class Attention : nn.Module
    {
        private readonly Projection project, output;
        private readonly Dropout dropout;
        private readonly int heads;

        public Attention(TransformerShape shape) : base("attention")
        {
            heads = shape.Heads;
            (project, output, dropout) = (new(shape.Width, 3 * shape.Width), new(shape.Width, shape.Width), nn.Dropout(shape.Dropout));
            register_module("c_attn", project);
            register_module("c_proj", output);
            register_module("drop", dropout);
        }

        public Tensor WithNorm(LayerNorm norm, Tensor x_BTC, bool causal, Tensor? hidden_B1T, Dropout ofOutput) =>
            AttentionHalf.Of(x_BTC, norm, project.Dense, output.Dense, heads, causal, hidden_B1T, dropout, ofOutput);

        // By hand: libtorch's scaled_dot_product_attention is many times slower on the CPU with some ways of multiplying.
        public Tensor Forward(Tensor x_BTC, Tensor? unseen, LayerMemory? memory)
        {
            var (batch, time, width) = (x_BTC.size(0), x_BTC.size(1), x_BTC.size(2));
            var size = width / heads;
            var parts = project.Forward(x_BTC).view(batch, time, 3, heads, size).permute(2, 0, 3, 1, 4).reshape(3, batch * heads, time, size).unbind(0);
            var (queries_XTD, keys_XSD, values_XSD) = memory is null ? (parts[0], parts[1], parts[2]) : memory.Add(parts[0], parts[1], parts[2]);
            var scale = (float)(1 / Math.Sqrt(size));
            var logits_XTS = unseen is null ? (queries_XTD * scale).bmm(keys_XSD.transpose(1, 2)) : queries_XTD.baddbmm(keys_XSD.transpose(1, 2), unseen, beta: 1, alpha: scale);
            var read_XTD = dropout.call(logits_XTS.softmax(-1)).bmm(values_XSD);
            return output.Forward(read_XTD.view(batch, heads, time, size).transpose(1, 2).reshape(batch, time, width));
        }
    }

    private sealed partial class TwoLayers : nn.Module
    {
        private readonly Projection widen, narrow;

        public TwoLayers(int width) : base("mlp")
        {
            (widen, narrow) = (new(width, 4 * width), new(4 * width, width));
            register_module("c_fc", widen);
            register_module("c_proj", narrow);
        }

        public Dense Widen => widen.Dense;

        public Dense Narrow => narrow.Dense;

        public Tensor Forward(Tensor x_BTC) => narrow.Forward(widen.Forward(x_BTC).gelu(TorchSharp.Modules.GELU.Approximate.tanh));
    }

    /// <summary>A linear layer whose weight lies as in GPT-2's files: a row for each input.</summary>
    private sealed partial class Projection : nn.Module
    {
        public Projection(int inputs, int outputs) : base("projection")
        {
            Dense = new(new(zeros(inputs, outputs)), new(zeros(outputs)));
            register_parameter("weight", Dense.Weight);
            register_parameter("bias", Dense.Bias_O!);
        }

        public Dense Dense { get; }

        public Tensor Forward(Tensor x_BTC) => Dense.Bias_O!.addmm(x_BTC.flatten(0, 1), Dense.Weight, 1, 1).view(x_BTC.size(0), x_BTC.size(1), -1);
    }
}

/// <summary>The keys and values of the tokens that were read, of one row: whoever goes on from there need not read them again.</summary>
internal sealed class TransformerMemory(int layers)
{
    public IReadOnlyList<LayerMemory> Layers { get; } = [.. Enumerable.Range(0, layers).Select(_ => new LayerMemory())];

    /// <summary>How many tokens are remembered.</summary>
    public long Length => Layers[0].Keys_HSD?.size(1) ?? 0;
}

/// <inheritdoc cref="TransformerMemory"/>
internal sealed class LayerMemory
{
    private Tensor? values_HSD;

    public Tensor? Keys_HSD { get; private set; }

    public (Tensor Queries, Tensor Keys, Tensor Values) Add(Tensor queries, Tensor keys, Tensor values)
    {
        Keys_HSD = Grow(Keys_HSD, keys);
        values_HSD = Grow(values_HSD, values);
        return (queries, Keys_HSD, values_HSD);
    }

    private static Tensor Grow(Tensor? old, Tensor more)
    {
        var all = (old is null ? more.clone() : cat([old, more], 1)).MoveToOuterDisposeScope();
        old?.Dispose();
        return all;
    }
}

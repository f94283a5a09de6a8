// B batch, T time, C channels, I inputs, H hidden, K channels of images of H x W, D channels of a head
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Granary.Torch.Operations;

/// <summary>
/// TorchSharp's layers, computed in fewer passes over memory and by products of their own, for networks whose time on the CPU counts. The modules hold
/// the parameters as ever: names, initial values and checkpoints are the same, and so are the gradients, but for the last digits. Where a layer cannot be computed
/// this way, on a GPU, under autocast or by a module that is set up otherwise, the module itself is called. A gradient can be computed once.
/// </summary>
public static class Layers
{
    /// <summary>The module's output.</summary>
    /// <param name="x">Its last dimension is that of the inputs.</param>
    public static Tensor Linear(Linear module, Tensor x) => LinearLayer.Of(module, x);

    /// <inheritdoc cref="Linear"/>
    /// <param name="module">Of one dimension.</param>
    /// <param name="x">Its last dimension is that of the module.</param>
    public static Tensor LayerNorm(LayerNorm module, Tensor x) => IsUsual(module) ? Normalization.Of(module, x) : module.call(x);

    /// <summary>The module's output through an activation, and its running statistics. It lies with the channels side by side in memory, as the CPU's convolutions like it.</summary>
    /// <param name="slope">What negative values are multiplied by: 0 is ReLU, 0.2 a leaky one; default 1, no activation.</param>
    /// <param name="added_BKHW">What is added before the activation, as at the end of a residual block; default: nothing.</param>
    public static Tensor BatchNorm(BatchNorm2d module, Tensor x_BKHW, double slope = 1, Tensor? added_BKHW = null) => BatchNormalization.Of(module, x_BKHW, slope, added_BKHW);

    /// <summary>The states at all times.</summary>
    /// <param name="module">Of one layer and one direction, with biases, time first.</param>
    /// <param name="begin_1BH">The state before; default: zeros.</param>
    /// <exception cref="ArgumentException">The module has several layers or directions, or no biases.</exception>
    public static Tensor Gru(GRU module, Tensor input_TBI, Tensor? begin_1BH = null) => Recurrence.Of(OfOneLayer(module), input_TBI, begin_1BH);

    /// <summary>The states at all times, from zeros.</summary>
    /// <inheritdoc cref="Gru"/>
    public static Tensor Lstm(LSTM module, Tensor input_TBI) => Recurrence.Of(OfOneLayer(module), input_TBI);

    /// <summary>
    /// The first half of a transformer's layer in which normalization comes first (Radford et al., 2019): <c>x + dropout(output(attention(project(norm(x)))))</c>.
    /// </summary>
    /// <param name="project">C to 3 C: queries, keys and values, one behind the other; in each, head by head.</param>
    /// <param name="output">C to C.</param>
    /// <param name="heads">They share C equally.</param>
    /// <param name="causal">Whether a token sees only itself and those before it.</param>
    /// <param name="dropout">Of the output; default: none.</param>
    /// <exception cref="ArgumentException">The heads cannot share the channels.</exception>
    public static Tensor SelfAttention(Tensor x_BTC, LayerNorm norm, Linear project, Linear output, int heads, bool causal, Dropout? dropout = null)
    {
        var (batch, time, channels) = (x_BTC.size(0), x_BTC.size(1), x_BTC.size(2));
        if (heads < 1 || channels % heads != 0)
        {
            throw new ArgumentException($"{heads} heads cannot share {channels} channels: choose a divisor.", nameof(heads));
        }
        if (IsUsual(norm) && HandGradient.Takes(x_BTC))
        {
            return AttentionHalf.Of(x_BTC, norm, Dense.Of(project), Dense.Of(output), heads, causal, padding_B1T: null, ofShares: null, dropout);
        }
        var parts_XTD = project.call(norm.call(x_BTC)).view(batch, time, 3, heads, channels / heads).permute(2, 0, 3, 1, 4).reshape(3, batch * heads, time, channels / heads).unbind(0);
        var logits_XTT = (parts_XTD[0] * (1 / Math.Sqrt(channels / heads))).bmm(parts_XTD[1].transpose(1, 2));
        if (causal)
        {
            logits_XTT += full([time, time], float.NegativeInfinity, device: x_BTC.device).triu(1);
        }
        var read_BTC = logits_XTT.softmax(-1).bmm(parts_XTD[2]).view(batch, heads, time, channels / heads).transpose(1, 2).reshape(batch, time, channels);
        return x_BTC + Dropped(dropout, output.call(read_BTC));
    }

    /// <summary>The second half: <c>x + dropout(narrow(gelu(widen(norm(x)))))</c>, GELU by GPT-2's approximation with tanh.</summary>
    /// <param name="widen">C to any number.</param>
    /// <param name="narrow">And back.</param>
    /// <param name="dropout">Of the output; default: none.</param>
    public static Tensor FeedForward(Tensor x_BTC, LayerNorm norm, Linear widen, Linear narrow, Dropout? dropout = null) => IsUsual(norm) && HandGradient.Takes(x_BTC)
        ? NetworkHalf.Of(x_BTC, norm, Dense.Of(widen), Dense.Of(narrow), dropout)
        : x_BTC + Dropped(dropout, narrow.call(widen.call(norm.call(x_BTC)).gelu(TorchSharp.Modules.GELU.Approximate.tanh)));

    private static Tensor Dropped(Dropout? dropout, Tensor values) => dropout is null ? values : dropout.call(values);

    private static bool IsUsual(LayerNorm module) => module is { weight: { } weight, bias: not null } && weight.dim() == 1;

    private static T OfOneLayer<T>(T module) where T : nn.Module => module.parameters().Count() == 4
        ? module
        : throw new ArgumentException($"A recurrent module of one layer and one direction with biases has four parameters; this one has {module.parameters().Count()}. Call it itself, or make one for each layer.", nameof(module));
}

// B batch, T time, S time of what is looked at, C channels, H heads, D channels of a head
using static TorchSharp.torch;

namespace Granary.Torch.Onnx;

public sealed partial class OnnxGraph
{
    /// <summary>The first of some vectors, one for each place of a text: T x C.</summary>
    /// <param name="rows">A vector for each place.</param>
    internal OnnxValue Places(OnnxValue rows, OnnxValue tokens_BT) => Apply("Slice", [rows, Integers(0), Length(tokens_BT), Integers(0)]);

    /// <summary>Part of a value along an axis.</summary>
    internal OnnxValue Cut(OnnxValue value, long axis, long from, long to) => Apply("Slice", [value, Integers(from), Integers(to), Integers(axis)]);

    /// <summary>Which places are behind each one: T x T.</summary>
    internal OnnxValue Future(OnnxValue tokens_BT)
    {
        var places_T = Apply("Range", [Weight(tensor(0L)), Apply("Squeeze", [Length(tokens_BT)]), Weight(tensor(1L))]);
        return Apply("Less", [Apply("Unsqueeze", [places_T, Integers(1)]), places_T]);
    }

    /// <summary>Where a row has ended: B x 1 x 1 x T.</summary>
    /// <param name="seen_BT">1 where it has not, else 0.</param>
    internal OnnxValue Hidden(OnnxValue seen_BT) => Apply("Unsqueeze", [Apply("Equal", [seen_BT, Weight(tensor(0L))]), Integers(1, 2)]);

    /// <summary>Attention of several heads (Vaswani et al., 2017): what each place reads of all others, B x T x C.</summary>
    /// <param name="hidden">Places that must not be looked at, to be spread over B x H x T x S. Default: none.</param>
    internal OnnxValue Attend(OnnxValue queries_BTC, OnnxValue keys_BSC, OnnxValue values_BSC, long heads, long channels, OnnxValue? hidden)
    {
        OnnxValue OfHeads(OnnxValue x_BTC) => Transposed(Apply("Reshape", [x_BTC, Integers(0, 0, heads, channels / heads)]), 0, 2, 1, 3);
        OnnxValue queries_BHTD = Apply("Mul", [OfHeads(queries_BTC), Number(1 / Math.Sqrt(channels / heads))]), keys_BHDS = Transposed(OfHeads(keys_BSC), 0, 1, 3, 2);
        var logits_BHTS = Apply("MatMul", [queries_BHTD, keys_BHDS]);
        var weights_BHTS = Apply("Softmax", [hidden is { } places ? Apply("Where", [places, Number(double.NegativeInfinity), logits_BHTS]) : logits_BHTS], ("axis", -1L));
        return Apply("Reshape", [Transposed(Apply("MatMul", [weights_BHTS, OfHeads(values_BSC)]), 0, 2, 1, 3), Integers(0, 0, channels)]);
    }

    /// <summary>The mean over a text's places, B x C.</summary>
    /// <inheritdoc cref="Hidden"/>
    internal OnnxValue Mean(OnnxValue values_BTC, OnnxValue seen_BT)
    {
        var mask_BT1 = Mask(seen_BT);
        OnnxValue Sum(OnnxValue value) => Apply("ReduceSum", [value, Integers(1)], ("keepdims", 0L));
        return Apply("Div", [Sum(Apply("Mul", [values_BTC, mask_BT1])), Sum(mask_BT1)]);
    }

    /// <summary>1 or 0 to multiply vectors with: B x T x 1.</summary>
    /// <inheritdoc cref="Hidden"/>
    internal OnnxValue Mask(OnnxValue seen_BT) => Apply("Unsqueeze", [Apply("Cast", [seen_BT], ("to", (long)Float)), Integers(2)]);

    internal OnnxValue Transposed(OnnxValue value, params long[] order) => Apply("Transpose", [value], ("perm", order));

    /// <summary>How long a text is, as the only number of a row.</summary>
    private OnnxValue Length(OnnxValue tokens_BT) => Apply("Shape", [tokens_BT], ("start", 1L), ("end", 2L));
}

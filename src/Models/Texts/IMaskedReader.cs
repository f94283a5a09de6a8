// B batch, T time, C channels, N tokens, V vocabulary
using Granary.Torch.Networks;
using Granary.Torch.Onnx;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Granary.Models.Texts;

/// <summary>A network that reads a text in both directions, and foretells hidden tokens.</summary>
internal interface IMaskedReader
{
    /// <summary>What every token has become, seen with the others.</summary>
    /// <param name="padding_BT">See <see cref="TextTransformer.Read(Tensor, Tensor?, TransformerMemory?)"/>.</param>
    Tensor Read(Tensor tokens_BT, Tensor? padding_BT = null);

    /// <summary>How much speaks for each token.</summary>
    Tensor Logits(Tensor read_NC);

    /// <summary>The cross-entropy of these, summed.</summary>
    Tensor LossSum(Tensor read_NC, Tensor targets_N);

    /// <summary>The same as operations of ONNX.</summary>
    /// <param name="seen_BT">1 where there is a token, 0 where a row has ended.</param>
    OnnxValue Read(OnnxGraph graph, OnnxValue tokens_BT, OnnxValue seen_BT);

    /// <inheritdoc cref="Read(OnnxGraph, OnnxValue, OnnxValue)"/>
    OnnxValue Logits(OnnxGraph graph, OnnxValue read_BTC);
}

/// <summary>BERT with GPT-2's layers, in which normalization comes first.</summary>
internal sealed class PreNormBert : TextTransformer, IMaskedReader
{
    private readonly Parameter bias_V;

    public PreNormBert(TransformerShape shape) : base(shape)
    {
        bias_V = new(zeros(shape.Vocabulary));
        register_parameter("output_bias", bias_V);
    }

    Tensor IMaskedReader.Read(Tensor tokens_BT, Tensor? padding_BT) => Read(tokens_BT, padding_BT);

    public Tensor Logits(Tensor read_NC) => Logits(read_NC, bias_V);

    public Tensor LossSum(Tensor read_NC, Tensor targets_N) => LossSum(read_NC, targets_N, bias_V);

    OnnxValue IMaskedReader.Read(OnnxGraph graph, OnnxValue tokens_BT, OnnxValue seen_BT) => Read(graph, tokens_BT, seen_BT);

    public OnnxValue Logits(OnnxGraph graph, OnnxValue read_BTC) => Logits(graph, read_BTC, bias_V);
}

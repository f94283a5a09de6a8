// T time, B batch, W width of both directions
using Granary.Torch.Data.Texts;
using Granary.Torch.Onnx;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Granary.Models.Texts;

/// <summary>
/// The body of an elmo model as a frozen part of another, which learns how to mix its layers (Peters et al., 2018). Each layer is normalized first: small
/// values would teach slowly.
/// </summary>
internal sealed class ContextualVectors : nn.Module
{
    private const double Epsilon = 1e-5;
    private readonly ElmoBody body;
    private readonly Parameter mix = nn.Parameter(zeros(3)), scale = nn.Parameter(ones(1));

    public ContextualVectors(ElmoBody body, int length) : base("contextual")
    {
        (this.body, Length) = (body, length);
        foreach (var parameter in body.parameters())
        {
            parameter.requires_grad = false;
        }
        RegisterComponents();
    }

    public ElmoBody Body => body;

    /// <summary>Numbers in a vector.</summary>
    public int Length { get; }

    /// <returns>T x B x W.</returns>
    public Tensor Forward(PaddedTexts texts)
    {
        var shares = (mix.softmax(0) * scale).unbind(0);
        return body.Contextual(texts).Zip(shares, (layer_TBW, share) => nn.functional.layer_norm(layer_TBW, [Length], eps: Epsilon) * share).Aggregate((sum, layer) => sum + layer);
    }

    /// <summary>The same as operations of ONNX: B x T x W.</summary>
    /// <inheritdoc cref="ElmoBody.Contextual(OnnxGraph, OnnxValue, OnnxValue)"/>
    public OnnxValue Describe(OnnxGraph graph, OnnxValue codes_BTL, OnnxValue seen_BT)
    {
        var shares = graph.Apply("Mul", [graph.Apply("Softmax", [graph.Weight(mix)]), graph.Weight(scale)]);
        OnnxValue Weighed(OnnxValue layer_BTW, int number)
        {
            var normalized_BTW = graph.Apply("LayerNormalization", [layer_BTW, graph.Weight(ones(Length))], ("epsilon", Epsilon));
            return graph.Apply("Mul", [normalized_BTW, graph.Cut(shares, axis: 0, from: number, to: number + 1)]);
        }
        return body.Contextual(graph, codes_BTL, seen_BT).Select(Weighed).Aggregate((sum, layer) => graph.Apply("Add", [sum, layer]));
    }
}

// B batch, T time, C channels, V vocabulary
using Granary.Torch.Onnx;
using TorchSharp.Modules;

namespace Granary.Torch.Networks;

internal partial class TextTransformer
{
    /// <summary>The same as operations of ONNX.</summary>
    /// <param name="seen_BT">1 where there is a token, 0 where a row has ended. Default: all rows are of one length.</param>
    public OnnxValue Read(OnnxGraph graph, OnnxValue tokens_BT, OnnxValue? seen_BT = null)
    {
        OnnxValue read_BTC = graph.Apply("Gather", [graph.Weight(tokens.Weight_RC), tokens_BT]), places_TC = graph.Places(graph.Weight(places.Weight_RC), tokens_BT);
        OnnxValue? ended = seen_BT is { } seen ? graph.Hidden(seen) : null, future = shape.Causal ? graph.Future(tokens_BT) : null;
        var hidden = ended is { } one && future is { } other ? graph.Apply("Or", [one, other]) : ended ?? future;
        var x_BTC = layers.Aggregate(graph.Apply("Add", [read_BTC, places_TC]), (value_BTC, layer) => layer.Describe(graph, value_BTC, hidden));
        return graph.Add(norm, x_BTC);
    }

    /// <inheritdoc cref="Read(OnnxGraph, OnnxValue, OnnxValue?)"/>
    public OnnxValue Logits(OnnxGraph graph, OnnxValue read_BTC, Parameter? bias_V = null) =>
        graph.Linear(read_BTC, graph.Transposed(graph.Weight(tokens.Weight_RC), 1, 0), bias_V);

    private sealed partial class Layer
    {
        public OnnxValue Describe(OnnxGraph graph, OnnxValue x_BTC, OnnxValue? hidden)
        {
            x_BTC = graph.Apply("Add", [x_BTC, attention.Describe(graph, graph.Add(beforeAttention, x_BTC), hidden)]);
            return graph.Apply("Add", [x_BTC, network.Describe(graph, graph.Add(beforeNetwork, x_BTC))]);
        }
    }

    private sealed partial class Attention
    {
        public OnnxValue Describe(OnnxGraph graph, OnnxValue x_BTC, OnnxValue? hidden)
        {
            var (projected, width) = (project.Describe(graph, x_BTC), output.Dense.Weight.shape[0]);
            OnnxValue Part(int number) => graph.Cut(projected, axis: 2, from: number * width, to: (number + 1) * width);
            return output.Describe(graph, graph.Attend(Part(0), Part(1), Part(2), heads, width, hidden));
        }
    }

    private sealed partial class TwoLayers
    {
        public OnnxValue Describe(OnnxGraph graph, OnnxValue x_BTC) => narrow.Describe(graph, graph.Gelu(widen.Describe(graph, x_BTC), byTanh: true));
    }

    private sealed partial class Projection
    {
        public OnnxValue Describe(OnnxGraph graph, OnnxValue x_BTC) => graph.Linear(x_BTC, graph.Weight(Dense.Weight), Dense.Bias_O);
    }
}

// B batch, T time, C channels, H heads, D channels of a head, N tokens, V vocabulary
using Granary.Torch.Networks;
using Granary.Torch.Onnx;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Granary.Models.Texts;

/// <summary>
/// BERT as it was published (Devlin et al., 2018), with the names that its files have: normalization comes behind each half of a layer. All tokens
/// are of the first of the two sentences that it can tell apart.
/// </summary>
internal class OriginalBert : nn.Module, IMaskedReader
{
    private const double Epsilon = 1e-12;
    private const int Sentences = 2;
    private readonly TransformerShape shape;
    private readonly Embedding tokens, places, sentences;
    private readonly LayerNorm norm;
    private readonly LayerNorm? headNorm;
    private readonly Linear? head;
    private readonly Dropout dropout;
    private readonly List<Layer> layers;
    private readonly Parameter? bias_V;

    /// <param name="foretells">Whether it can foretell tokens. Default: yes.</param>
    public OriginalBert(TransformerShape shape, bool foretells = true) : base("bert")
    {
        this.shape = shape;
        (tokens, places, sentences) = (nn.Embedding(shape.Vocabulary, shape.Width), nn.Embedding(shape.Context, shape.Width), nn.Embedding(Sentences, shape.Width));
        (norm, dropout) = (Norm(shape), nn.Dropout(shape.Dropout));
        layers = [.. Enumerable.Range(0, shape.Layers).Select(_ => new Layer(shape))];
        register_module("bert", new Parts(
            ("embeddings", new Parts(("word_embeddings", tokens), ("position_embeddings", places), ("token_type_embeddings", sentences), ("LayerNorm", norm), ("dropout", dropout))),
            ("encoder", new Parts(("layer", nn.ModuleList([.. layers]))))));
        if (foretells)
        {
            (head, headNorm, bias_V) = (nn.Linear(shape.Width, shape.Width), Norm(shape), new(zeros(shape.Vocabulary)));
            register_module("cls", new Parts(("predictions", new Parts([("transform", new Parts(("dense", head), ("LayerNorm", headNorm)))], ("bias", bias_V)))));
        }
    }

    public Tensor Read(Tensor tokens_BT, Tensor? padding_BT = null)
    {
        var time = tokens_BT.size(1);
        var read_BTC = tokens.weight!.index_select(0, tokens_BT.flatten()).view(tokens_BT.size(0), time, shape.Width);
        var x_BTC = dropout.call(norm.call(read_BTC + sentences.weight!.narrow(0, 0, 1) + places.weight!.narrow(0, 0, time)));
        using var hidden_B11T = padding_BT is null ? null : zeros(padding_BT.shape, device: padding_BT.device).masked_fill(padding_BT, float.NegativeInfinity).unsqueeze(1).unsqueeze(1);
        return layers.Aggregate(x_BTC, (value_BTC, layer) => layer.Forward(value_BTC, hidden_B11T));
    }

    public Tensor Logits(Tensor read_NC) => nn.functional.linear(Foretelling(read_NC), tokens.weight!, bias_V);

    public Tensor LossSum(Tensor read_NC, Tensor targets_N) => SoftmaxOutput.LossSum(tokens.weight!, bias_V, Foretelling(read_NC), targets_N);

    public OnnxValue Read(OnnxGraph graph, OnnxValue tokens_BT, OnnxValue seen_BT)
    {
        var read_BTC = graph.Apply("Add", [graph.Add(tokens, tokens_BT), graph.Weight(sentences.weight![0])]);
        var x_BTC = graph.Add(norm, graph.Apply("Add", [read_BTC, graph.Places(graph.Weight(places.weight!), tokens_BT)]));
        var hidden_B11T = graph.Hidden(seen_BT);
        return layers.Aggregate(x_BTC, (value_BTC, layer) => layer.Describe(graph, value_BTC, hidden_B11T));
    }

    public OnnxValue Logits(OnnxGraph graph, OnnxValue read_BTC)
    {
        var foretelling_BTC = graph.Add(headNorm!, graph.Gelu(graph.Add(head!, read_BTC), byTanh: false));
        return graph.Linear(foretelling_BTC, graph.Transposed(graph.Weight(tokens.weight!), 1, 0), bias_V);
    }

    private Tensor Foretelling(Tensor read_NC) => headNorm!.call(head!.call(read_NC).gelu());

    private static LayerNorm Norm(TransformerShape shape) => nn.LayerNorm(shape.Width, Epsilon);

    private sealed class Layer : nn.Module
    {
        private readonly Linear query, key, value, output, widen, narrow;
        private readonly LayerNorm attentionNorm, networkNorm;
        private readonly Dropout ofAttention, afterAttention, afterNetwork;
        private readonly TransformerShape shape;

        public Layer(TransformerShape shape) : base("layer")
        {
            this.shape = shape;
            Linear Square() => nn.Linear(shape.Width, shape.Width);
            (query, key, value, output) = (Square(), Square(), Square(), Square());
            (widen, narrow) = (nn.Linear(shape.Width, 4 * shape.Width), nn.Linear(4 * shape.Width, shape.Width));
            (attentionNorm, networkNorm) = (Norm(shape), Norm(shape));
            (ofAttention, afterAttention, afterNetwork) = (nn.Dropout(shape.Dropout), nn.Dropout(shape.Dropout), nn.Dropout(shape.Dropout));
            register_module("attention", new Parts(
                ("self", new Parts(("query", query), ("key", key), ("value", value), ("dropout", ofAttention))),
                ("output", new Parts(("dense", output), ("LayerNorm", attentionNorm), ("dropout", afterAttention)))));
            register_module("intermediate", new Parts(("dense", widen)));
            register_module("output", new Parts(("dense", narrow), ("LayerNorm", networkNorm), ("dropout", afterNetwork)));
        }

        public Tensor Forward(Tensor x_BTC, Tensor? hidden_B11T)
        {
            Tensor OfHeads(Linear project) => project.call(x_BTC).unflatten(2, [shape.Heads, shape.Width / shape.Heads]).transpose(1, 2);
            var logits_BHTT = (OfHeads(query) / Math.Sqrt(shape.Width / shape.Heads)).matmul(OfHeads(key).transpose(2, 3));
            var read_BHTD = ofAttention.call((hidden_B11T is null ? logits_BHTT : logits_BHTT + hidden_B11T).softmax(-1)).matmul(OfHeads(value));
            x_BTC = attentionNorm.call(x_BTC + afterAttention.call(output.call(read_BHTD.transpose(1, 2).flatten(2))));
            return networkNorm.call(x_BTC + afterNetwork.call(narrow.call(widen.call(x_BTC).gelu())));
        }

        public OnnxValue Describe(OnnxGraph graph, OnnxValue x_BTC, OnnxValue hidden_B11T)
        {
            var read_BTC = graph.Attend(graph.Add(query, x_BTC), graph.Add(key, x_BTC), graph.Add(value, x_BTC), shape.Heads, shape.Width, hidden_B11T);
            x_BTC = graph.Add(attentionNorm, graph.Apply("Add", [x_BTC, graph.Add(output, read_BTC)]));
            return graph.Add(networkNorm, graph.Apply("Add", [x_BTC, graph.Add(narrow, graph.Gelu(graph.Add(widen, x_BTC), byTanh: false))]));
        }
    }

    /// <summary>Modules, and parameters, under a name that goes before theirs.</summary>
    private sealed class Parts : nn.Module
    {
        public Parts(params (string Name, nn.Module Module)[] modules) : this(modules, [])
        {
        }

        public Parts((string Name, nn.Module Module)[] modules, params (string Name, Parameter Parameter)[] parameters) : base("parts")
        {
            foreach (var (name, module) in modules)
            {
                register_module(name, module);
            }
            foreach (var (name, parameter) in parameters)
            {
                register_parameter(name, parameter);
            }
        }
    }
}

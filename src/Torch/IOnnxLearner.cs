using Granary.Torch.Onnx;
using Granary.Training.Tasks;

namespace Granary.Torch;

/// <summary>A learner whose model can be written as a graph of the format ONNX, for other programs to compute: <c>granary export --format onnx</c>.</summary>
public interface IOnnxLearner : IOnnxModel
{
    /// <summary>Adds inputs, networks and outputs: <c>graph.Output("logits", graph.Add(Network, graph.Input("images", "batch", 1, 28, 28)), "batch", 10)</c>.</summary>
    void Describe(OnnxGraph graph);

    void IOnnxModel.WriteOnnx(Stream stream)
    {
        var learner = (Learner)this;
        learner.Use(() =>
        {
            var graph = new OnnxGraph(learner.Networks);
            Describe(graph);
            graph.Write(stream);
            return true;
        });
    }
}

// B images, K feature maps, H height, W width
using Granary.Torch.Onnx;
using Granary.Torch.Operations;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Granary.Models.Images;

/// <summary>
/// Layers one after the other, as <see cref="Sequential"/>, for images, whose channels it lays side by side: normalization and the activation behind
/// it are done together, and pooling by hand.
/// </summary>
internal sealed class ImageLayers : nn.Module<Tensor, Tensor>, IOnnxModule
{
    private readonly nn.Module<Tensor, Tensor>[] layers;

    /// <summary>Layers whose names are their numbers.</summary>
    public ImageLayers(params IEnumerable<nn.Module<Tensor, Tensor>> layers) : this([.. layers.Select((layer, number) => ($"{number}", layer))])
    {
    }

    public ImageLayers(params (string Name, nn.Module<Tensor, Tensor> Layer)[] layers) : base("layers")
    {
        this.layers = [.. layers.Select(layer => layer.Layer)];
        foreach (var (name, layer) in layers)
        {
            register_module(name, layer);
        }
    }

    public OnnxValue Describe(OnnxGraph graph, OnnxValue input) => layers.Aggregate(input, (value, layer) => graph.Add(layer, value));

    public override Tensor forward(Tensor x_BKHW)
    {
        x_BKHW = ChannelsLast.Of(x_BKHW);
        for (var i = 0; i < layers.Length; i++)
        {
            switch (layers[i])
            {
                case BatchNorm2d norm:
                    double? slope = i + 1 == layers.Length ? null : layers[i + 1] switch { ReLU => 0, LeakyReLU leaky => leaky.negative_slope, _ => null };
                    x_BKHW = BatchNormalization.Of(norm, x_BKHW, slope ?? 1);
                    i += slope is null ? 0 : 1;
                    break;
                case Conv2d convolution:
                    x_BKHW = LaidConvolution.Of(convolution, x_BKHW);
                    break;
                case ConvTranspose2d convolution:
                    x_BKHW = LaidConvolution.Of(convolution, x_BKHW);
                    break;
                case MaxPool2d pool:
                    x_BKHW = MaxPooling.Of(pool, x_BKHW);
                    break;
                case var layer:
                    x_BKHW = layer.call(x_BKHW);
                    break;
            }
        }
        return x_BKHW;
    }
}

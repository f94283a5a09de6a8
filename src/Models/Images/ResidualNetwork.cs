// B batch, K feature maps, H height, W width
using Granary.Torch.Data.Images;
using Granary.Torch.Onnx;
using Granary.Torch.Operations;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Granary.Models.Images;

/// <summary>The network: a stem, four stages of blocks, and a linear layer behind the mean over all places.</summary>
internal sealed class ResidualNetwork : nn.Module<Tensor, Tensor>, IImageBody, IOnnxModule
{
    private const int LargestSmall = 64;
    private readonly Conv2d conv1;
    private readonly nn.Module<Tensor, Tensor> layer1, layer2, layer3, layer4;
    private readonly BatchNorm2d bn1;
    private readonly Linear fc;
    private readonly bool isLarge;

    /// <param name="depth">Layers: 18, 34 or 50.</param>
    /// <param name="width">Feature maps of the first stage.</param>
    /// <param name="stem">How it begins: small, large, or auto, by the shape.</param>
    public ResidualNetwork(string depth, int width, string stem, ImageShape shape, int classes) : base("resnet")
    {
        isLarge = stem == "large" || (stem == "auto" && Math.Max(shape.Height, shape.Width) > LargestSmall);
        var isDeep = depth == "50";
        conv1 = isLarge ? nn.Conv2d(shape.Colours, width, 7, stride: 2, padding: 3, bias: false) : nn.Conv2d(shape.Colours, width, 3, padding: 1, bias: false);
        bn1 = nn.BatchNorm2d(width);
        int[] blocks = depth == "18" ? [2, 2, 2, 2] : [3, 4, 6, 3];
        var maps = width;
        nn.Module<Tensor, Tensor> Stage(int number)
        {
            var stage = new List<nn.Module<Tensor, Tensor>>();
            for (var i = 0; i < blocks[number]; i++)
            {
                var block = new ResidualBlock(maps, width << number, stride: i == 0 && number > 0 ? 2 : 1, isDeep);
                maps = block.Maps;
                stage.Add(block);
            }
            return nn.Sequential(stage);
        }
        (layer1, layer2, layer3, layer4) = (Stage(0), Stage(1), Stage(2), Stage(3));
        fc = nn.Linear(maps, classes);
        RegisterComponents();
    }

    public override Tensor forward(Tensor images_BKHW) => fc.call(Maps(images_BKHW)[^1].mean([2, 3]));

    public Linear Head => fc;

    public Tensor[] Maps(Tensor images_BKHW)
    {
        var maps = new Tensor[5];
        maps[0] = BatchNormalization.Of(bn1, LaidConvolution.Of(conv1, ChannelsLast.Of(images_BKHW)));
        var (stages, pooled_BKHW) = (new[] { layer1, layer2, layer3, layer4 }, isLarge ? nn.functional.max_pool2d(maps[0], 3, 2, 1) : maps[0]);
        for (var i = 0; i < stages.Length; i++)
        {
            maps[i + 1] = pooled_BKHW = stages[i].call(pooled_BKHW);
        }
        return maps;
    }

    public OnnxValue Describe(OnnxGraph graph, OnnxValue input)
    {
        using var pool = nn.MaxPool2d(3, 2, 1);
        var maps = graph.Apply("Relu", [graph.Add(bn1, graph.Add(conv1, input))]);
        maps = new[] { layer1, layer2, layer3, layer4 }.Aggregate(isLarge ? graph.Add(pool, maps) : maps, (value, stage) => graph.Add(stage, value));
        return graph.Add(fc, graph.Apply("Flatten", [graph.Apply("GlobalAveragePool", [maps])]));
    }

    public void Initialize(ulong seed) => ConvolutionValues.ByMaps(this, seed);
}

/// <summary>Two convolutions, or with bottleneck three, beside a way that skips them.</summary>
internal sealed class ResidualBlock : nn.Module<Tensor, Tensor>, IOnnxModule
{
    private const int Widening = 4;
    private readonly Conv2d conv1, conv2;
    private readonly BatchNorm2d bn1, bn2;
    private readonly Conv2d? conv3;
    private readonly BatchNorm2d? bn3;
    private readonly ImageLayers? downsample;

    public ResidualBlock(int from, int width, int stride, bool bottleneck) : base("block")
    {
        Maps = bottleneck ? Widening * width : width;
        conv1 = bottleneck ? nn.Conv2d(from, width, 1, bias: false) : nn.Conv2d(from, width, 3, stride: stride, padding: 1, bias: false);
        bn1 = nn.BatchNorm2d(width);
        conv2 = nn.Conv2d(width, width, 3, stride: bottleneck ? stride : 1, padding: 1, bias: false);
        bn2 = nn.BatchNorm2d(width);
        if (bottleneck)
        {
            (conv3, bn3) = (nn.Conv2d(width, Maps, 1, bias: false), nn.BatchNorm2d(Maps));
        }
        if (stride > 1 || from != Maps)
        {
            downsample = new ImageLayers(nn.Conv2d(from, Maps, 1, stride: stride, bias: false), nn.BatchNorm2d(Maps));
        }
        RegisterComponents();
    }

    /// <summary>Feature maps that it gives.</summary>
    public int Maps { get; }

    public override Tensor forward(Tensor input_BKHW)
    {
        var maps_BKHW = LaidConvolution.Of(conv2, BatchNormalization.Of(bn1, LaidConvolution.Of(conv1, input_BKHW)));
        if (conv3 is not null)
        {
            maps_BKHW = LaidConvolution.Of(conv3, BatchNormalization.Of(bn2, maps_BKHW));
        }
        return BatchNormalization.Of(bn3 ?? bn2, maps_BKHW, added_BKHW: downsample is null ? input_BKHW : downsample.call(input_BKHW));
    }

    public OnnxValue Describe(OnnxGraph graph, OnnxValue input)
    {
        var maps = graph.Add(conv2, graph.Apply("Relu", [graph.Add(bn1, graph.Add(conv1, input))]));
        if (conv3 is not null)
        {
            maps = graph.Add(conv3, graph.Apply("Relu", [graph.Add(bn2, maps)]));
        }
        return graph.Apply("Relu", [graph.Apply("Add", [graph.Add(bn3 ?? bn2, maps), downsample is null ? input : graph.Add(downsample, input)])]);
    }
}

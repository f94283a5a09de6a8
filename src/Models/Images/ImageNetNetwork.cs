// B batch, K feature maps, H height, W width
using Granary.Torch.Onnx;
using Granary.Torch.Operations;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Granary.Models.Images;

/// <summary>
/// The network whose weights, trained on ImageNet, <c>granary data get imagenet-resnet18</c> brings: a ResNet-18 with three blocks in its last stage, as
/// it comes in ONNX. Its parts have the names that <c>--init</c> gives to those of an ONNX file. Where the stride is 2, padding is one less at the right
/// and at the bottom.
/// </summary>
internal sealed class ImageNetNetwork : nn.Module<Tensor, Tensor>, IImageBody, IOnnxModule
{
    private const int Features = 512;
    private const float Half = 127.5f;

    // Blue, green and red of the mean image.
    private static readonly float[] mean = [103.9f, 116.8f, 123.7f];
    private static readonly (int From, int To, int Stride)[] blocks =
        [(64, 64, 1), (64, 64, 1), (64, 128, 2), (128, 128, 1), (128, 256, 2), (256, 256, 1), (256, Features, 2), (Features, Features, 1), (Features, Features, 1)];

    private readonly ModuleList<Conv2d> convolutions = [];
    private readonly ModuleList<BatchNorm2d> normalizations = [];
    private readonly Linear fc;

    public ImageNetNetwork(int classes) : base("imagenet")
    {
        Add(3, 64, 7, 2);
        foreach (var (from, to, stride) in blocks)
        {
            if (stride > 1)
            {
                Add(from, to, 1, stride);
            }
            Add(from, to, 3, stride);
            Add(to, to, 3, 1);
        }
        register_module("Conv", convolutions);
        register_module("BatchNormalization", normalizations);
        register_module("fc", fc = nn.Linear(Features, classes));
    }

    public Linear Head => fc;

    public override Tensor forward(Tensor images_BKHW) => fc.call(Maps(images_BKHW)[^1].mean([2, 3]));

    public Tensor[] Maps(Tensor images_BKHW)
    {
        var next = 0;
        // From -1 to 1 and red first, to 0 to 255 and blue first.
        var maps_BKHW = Apply(ref next, ChannelsLast.Of((images_BKHW.flip(1) + 1) * Half - tensor(mean, device: images_BKHW.device).view(1, 3, 1, 1)));
        var maps = new List<Tensor> { maps_BKHW };
        maps_BKHW = nn.functional.max_pool2d(nn.functional.pad(maps_BKHW, [1, 0, 1, 0]), 3, 2);
        foreach (var (_, _, stride) in blocks)
        {
            if (stride > 1)
            {
                maps.Add(maps_BKHW);
            }
            var skipped_BKHW = stride > 1 ? Apply(ref next, maps_BKHW, slope: 1) : maps_BKHW;
            maps_BKHW = Apply(ref next, Apply(ref next, maps_BKHW), slope: 0, skipped_BKHW);
        }
        return [.. maps, maps_BKHW];
    }

    public OnnxValue Describe(OnnxGraph graph, OnnxValue input)
    {
        var next = 0;
        var blueFirst_BKHW = graph.Apply("Gather", [input, graph.Integers(2, 1, 0)], ("axis", 1L));
        var scaled_BKHW = graph.Apply("Mul", [graph.Apply("Add", [blueFirst_BKHW, graph.Number(1)]), graph.Number(Half)]);
        var maps = Describe(graph, ref next, graph.Apply("Sub", [scaled_BKHW, graph.Weight(tensor(mean).view(1, 3, 1, 1))]));
        maps = graph.Apply("MaxPool", [graph.Pad(maps, "constant", 1, 0, 1, 0)], ("kernel_shape", new long[] { 3, 3 }), ("strides", new long[] { 2, 2 }));
        foreach (var (_, _, stride) in blocks)
        {
            var skipped = stride > 1 ? Describe(graph, ref next, maps, isActive: false) : maps;
            maps = Describe(graph, ref next, Describe(graph, ref next, maps), isActive: true, skipped);
        }
        return graph.Add(fc, graph.Apply("Flatten", [graph.Apply("GlobalAveragePool", [maps])], ("axis", 1L)));
    }

    public void Initialize(ulong seed) => ConvolutionValues.ByMaps(this, seed);

    private void Add(int from, int to, int kernel, int stride)
    {
        convolutions.Add(nn.Conv2d(from, to, kernel, stride: stride, padding: stride == 1 ? kernel / 2 : 0, bias: false));
        normalizations.Add(nn.BatchNorm2d(to));
    }

    private Tensor Apply(ref int number, Tensor input_BKHW, double slope = 0, Tensor? added_BKHW = null)
    {
        var padded_BKHW = Around(number) is { } places ? nn.functional.pad(input_BKHW, places) : input_BKHW;
        return BatchNormalization.Of(normalizations[number], LaidConvolution.Of(convolutions[number++], padded_BKHW), slope, added_BKHW);
    }

    private OnnxValue Describe(OnnxGraph graph, ref int number, OnnxValue input, bool isActive = true, OnnxValue? added = null)
    {
        var padded = Around(number) is { } places ? graph.Pad(input, "constant", places) : input;
        var normalized = graph.Add(normalizations[number], graph.Add(convolutions[number++], padded));
        var sum = added is { } other ? graph.Apply("Add", [normalized, other]) : normalized;
        return isActive ? graph.Apply("Relu", [sum]) : sum;
    }

    /// <summary>How many zeros a convolution that shrinks wants at the left, the right, the top and the bottom; <see langword="null"/>: none, or it has them itself.</summary>
    private long[]? Around(int number)
    {
        var shape = convolutions[number].weight!.shape;
        var (kernel, shrinks) = (shape[2], number == 0 || shape[0] > shape[1]);
        var (before, after) = (kernel / 2, kernel / 2 - 1);
        return shrinks && kernel > 1 ? [before, after, before, after] : null;
    }
}

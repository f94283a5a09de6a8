using Granary.Training.Wording;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Granary.Torch.Onnx;

public sealed partial class OnnxGraph
{
    private const long Axes = 2;

    /// <summary>
    /// What a module does in evaluation mode: one of libtorch's (linear layers, convolutions, normalizations, embeddings, activations, pooling, padding,
    /// enlarging by copies or linearly, <see cref="Sequential"/>, an <see cref="LSTM"/>'s or <see cref="GRU"/>'s states at all times, from zeros), or an <see cref="IOnnxModule"/>.
    /// </summary>
    /// <exception cref="UserErrorException">It is another. The message says what to do.</exception>
    public OnnxValue Add(nn.Module module, OnnxValue input) => module switch
    {
        IOnnxModule own => own.Describe(this, input),
        Sequential layers => layers.children().Aggregate(input, (value, layer) => Add(layer, value)),
        Dropout or Dropout1d or Dropout2d or Dropout3d or AlphaDropout or FeatureAlphaDropout or Identity => input,
        Linear linear => Linear(input, Transposed(Weight(linear.weight!), 1, 0), linear.bias),
        Embedding embedding => Apply("Gather", [Weight(embedding.weight!), input]),
        ConvolutionTranspose convolution => Convolve("ConvTranspose", convolution, input, ("output_padding", convolution.output_padding)),
        Convolution convolution => Convolve("Conv", convolution, input),
        InstanceNorm { track_running_stats: false } norm => Apply("InstanceNormalization", [input, Weight(norm.weight ?? ones(norm.num_features)), Weight(norm.bias ?? zeros(norm.num_features))], ("epsilon", norm.eps)),
        BatchNorm or InstanceNorm => Normalize((NormBase)module, input),
        LayerNorm norm => Normalize(norm, input),
        ReLU => Apply("Relu", [input]),
        LeakyReLU leaky => Apply("LeakyRelu", [input], ("alpha", leaky.negative_slope)),
        ELU elu => Apply("Elu", [input], ("alpha", elu.alpha)),
        GELU gelu => Gelu(input, byTanh: gelu.approximate == GELU.Approximate.tanh),
        SiLU => Apply("Mul", [input, Apply("Sigmoid", [input])]),
        Sigmoid => Apply("Sigmoid", [input]),
        Tanh => Apply("Tanh", [input]),
        Softmax softmax => Apply("Softmax", [input], ("axis", softmax.dim)),
        LogSoftmax softmax => Apply("LogSoftmax", [input], ("axis", softmax.dim)),
        Flatten { start_dim: 1, end_dim: -1 } => Apply("Flatten", [input], ("axis", 1L)),
        MaxPool2d pool => Apply("MaxPool", [input], ("kernel_shape", Both(pool.kernel_size)), ("strides", Both(pool.stride ?? pool.kernel_size)), ("pads", Around(pool.padding)), ("dilations", Both(pool.dilation ?? [1])), ("ceil_mode", pool.ceil_mode ? 1L : 0L)),
        AvgPool2d { divisor_override: null } pool => Apply("AveragePool", [input], ("kernel_shape", Both(pool.kernel_size)), ("strides", Both(pool.stride ?? pool.kernel_size)), ("pads", Around(pool.padding)), ("ceil_mode", pool.ceil_mode ? 1L : 0L), ("count_include_pad", pool.count_include_pad ? 1L : 0L)),
        AdaptiveAvgPool2d pool when pool.output_size.All(size => size == 1) => Apply("GlobalAveragePool", [input]),
        ReflectionPad1d or ReflectionPad2d or ReflectionPad3d => Pad(input, "reflect", ((PadBase)module).padding),
        ReplicationPad1d or ReplicationPad2d or ReplicationPad3d => Pad(input, "edge", ((PadBase)module).padding),
        ZeroPad2d pad => Pad(input, "constant", pad.padding),
        Upsample { mode: UpsampleMode.Nearest or UpsampleMode.Linear or UpsampleMode.Bilinear } enlarge => Enlarge(enlarge, input),
        LSTM or GRU => Recur(module, input),
        _ => throw new UserErrorException($"How to write a {module.GetType().Name} as operations of ONNX is not known. Let the module, or one that it is part of, implement {nameof(IOnnxModule)}."),
    };

    /// <summary>The product with a matrix that has a row for each input, and the bias.</summary>
    internal OnnxValue Linear(OnnxValue input, OnnxValue weight_IO, Tensor? bias_O)
    {
        var product = Apply("MatMul", [input, weight_IO]);
        return bias_O is null ? product : Apply("Add", [product, Weight(bias_O)]);
    }

    internal OnnxValue Gelu(OnnxValue input, bool byTanh) => Apply("Gelu", [input], ("approximate", byTanh ? "tanh" : "none"));

    /// <summary>More places around an input.</summary>
    /// <param name="mode">What they hold: <c>constant</c> zeros, <c>reflect</c> what lies mirrored at the edge, <c>edge</c> its copies.</param>
    /// <param name="places">Before and behind, in pairs, of the last axis first.</param>
    internal OnnxValue Pad(OnnxValue input, string mode, params long[] places)
    {
        var pairs = places.Chunk(2).ToList();
        return Apply("Pad", [input, Integers([.. pairs.Select(pair => pair[0]), .. pairs.Select(pair => pair[1])]), new(""), Integers([.. pairs.Index().Select(pair => -1L - pair.Index)])], ("mode", mode));
    }

    private OnnxValue Enlarge(Upsample layer, OnnxValue input)
    {
        if (layer.recompute_scale_factor == true)
        {
            throw new UserErrorException("An Upsample that computes its scale anew cannot be written as ONNX. Give it a size, or leave recompute_scale_factor out.");
        }
        var isNearest = layer.mode == UpsampleMode.Nearest;
        OnnxValue none = new(""), scales = none, sizes = none;
        long[] axes;
        if (layer.size.Length > 0)
        {
            (sizes, axes) = (Integers(layer.size.ToArray()), Spatial(layer.size.Length));
        }
        else
        {
            (scales, axes) = (Weight(tensor(layer.scale_factor.ToArray(), dtype: float32)), Spatial(layer.scale_factor.Length));
        }
        return Apply("Resize", [input, none, scales, sizes],
        [
            ("axes", axes), ("mode", isNearest ? "nearest" : "linear"), ("nearest_mode", "floor"),
            ("coordinate_transformation_mode", isNearest ? "asymmetric" : layer.align_corners == true ? "align_corners" : "half_pixel"),
        ]);

        static long[] Spatial(int count) => [.. Enumerable.Range(2, count).Select(axis => (long)axis)];
    }

    private OnnxValue Convolve(string operation, Convolution convolution, OnnxValue input, params ReadOnlySpan<(string Name, object Value)> more)
    {
        if (convolution.padding is not { } padding || convolution.padding_mode != PaddingModes.Zeros)
        {
            throw new UserErrorException($"A {convolution.GetType().Name} that pads by '{convolution.padding_type?.ToString() ?? convolution.padding_mode.ToString()}' cannot be written as ONNX. Say how many places are padded with zeros.");
        }
        OnnxValue[] inputs = [input, Weight(convolution.weight!), .. convolution.bias is { } bias ? [Weight(bias)] : Array.Empty<OnnxValue>()];
        return Apply(operation, inputs,
        [
            ("kernel_shape", convolution.kernel_size), ("strides", convolution.stride), ("pads", Around(padding, convolution.kernel_size.Length)),
            ("dilations", convolution.dilation), ("group", convolution.groups), .. more,
        ]);
    }

    private OnnxValue Normalize(NormBase norm, OnnxValue input)
    {
        if (norm.running_mean is not { } mean || norm.running_var is not { } variance)
        {
            throw new UserErrorException($"A {norm.GetType().Name} without running statistics cannot be written as ONNX: it depends on what else is in the batch.");
        }
        return Apply("BatchNormalization", [input, Weight(norm.weight ?? ones_like(mean)), Weight(norm.bias ?? zeros_like(mean)), Weight(mean), Weight(variance)], ("epsilon", norm.eps));
    }

    private OnnxValue Normalize(LayerNorm norm, OnnxValue input)
    {
        var scale = norm.weight ?? ones(norm.normalized_shape);
        OnnxValue[] inputs = [input, Weight(scale), .. norm.bias is { } bias ? [Weight(bias)] : Array.Empty<OnnxValue>()];
        return Apply("LayerNormalization", inputs, ("axis", -(long)norm.normalized_shape.Length), ("epsilon", norm.eps));
    }

    private static long[] Both(long[] values) => values.Length == 1 ? [values[0], values[0]] : values;

    /// <summary>Before every axis, then behind every axis.</summary>
    private static long[] Around(long[]? padding, long axes = Axes)
    {
        padding ??= [0];
        long[] each = padding.Length == 1 ? [.. Enumerable.Repeat(padding[0], (int)axes)] : padding;
        return [.. each, .. each];
    }
}

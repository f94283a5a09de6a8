using Granary.Training.Wording;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Granary.Torch.Onnx;

public sealed partial class OnnxGraph
{
    private const long Axes = 2;

    /// <summary>
    /// What a module does in evaluation mode: one of libtorch's (linear layers, convolutions, normalizations, embeddings, activations, pooling,
    /// <see cref="Sequential"/>), or an <see cref="IOnnxModule"/>.
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
        BatchNorm norm => Normalize(norm, input),
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
        _ => throw new UserErrorException($"How to write a {module.GetType().Name} as operations of ONNX is not known. Let the module, or one that it is part of, implement {nameof(IOnnxModule)}."),
    };

    /// <summary>The product with a matrix that has a row for each input, and the bias.</summary>
    internal OnnxValue Linear(OnnxValue input, OnnxValue weight_IO, Tensor? bias_O)
    {
        var product = Apply("MatMul", [input, weight_IO]);
        return bias_O is null ? product : Apply("Add", [product, Weight(bias_O)]);
    }

    internal OnnxValue Gelu(OnnxValue input, bool byTanh) => Apply("Gelu", [input], ("approximate", byTanh ? "tanh" : "none"));

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

    private OnnxValue Normalize(BatchNorm norm, OnnxValue input)
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

using Granary.Torch.Runtime;
using Granary.Training.Files;
using Granary.Training.Wording;
using static TorchSharp.torch;

namespace Granary.Torch.Onnx;

/// <summary>A model as a graph of ONNX's operations (opset 20, of 2023), and its file. Weights are named as in <c>state_dict</c>.</summary>
/// <param name="networks">Whose weights may be used, each with the name that goes before those of its tensors.</param>
public sealed partial class OnnxGraph(IEnumerable<(string Name, nn.Module Module)> networks)
{
    private const int Opset = 20, FormatVersion = 9;
    private const int Float = 1, Integer = 7;
    private readonly Dictionary<nint, string> names = NamesOf(networks);
    private readonly Dictionary<string, Tensor> weights = new(StringComparer.Ordinal);
    private readonly Dictionary<string, string> properties = new(StringComparer.Ordinal);
    private readonly ProtoMessage graph = new();
    private int made;

    /// <summary>An input of 32-bit floats.</summary>
    public OnnxValue Input(string name, params ReadOnlySpan<OnnxLength> shape) => Input(name, Float, shape);

    /// <summary>An input of 64-bit whole numbers, such as tokens.</summary>
    public OnnxValue IntegerInput(string name, params ReadOnlySpan<OnnxLength> shape) => Input(name, Integer, shape);

    /// <summary>What the model answers, in 32-bit floats.</summary>
    public void Output(string name, OnnxValue value, params ReadOnlySpan<OnnxLength> shape)
    {
        AddNode("Identity", [value], [name]);
        graph.Message(12, ValueInfo(name, Float, shape));
    }

    /// <summary>Something that its users should know, such as the names of classes; it goes into the file's metadata.</summary>
    public void Note(string name, string value) => properties[name] = value;

    /// <summary>One of ONNX's operations with one output.</summary>
    /// <param name="operation">As ONNX calls it, such as <c>MatMul</c>.</param>
    /// <param name="attributes">Each a <see cref="long"/>, a <see cref="double"/>, a <see cref="string"/> or an array of <see cref="long"/>.</param>
    public OnnxValue Apply(string operation, ReadOnlySpan<OnnxValue> inputs, params ReadOnlySpan<(string Name, object Value)> attributes) => Apply(operation, outputs: 1, inputs, attributes)[0];

    /// <summary>One of ONNX's operations with several outputs.</summary>
    /// <param name="inputs">Those that are left out have no name.</param>
    /// <inheritdoc cref="Apply(string, ReadOnlySpan{OnnxValue}, ReadOnlySpan{ValueTuple{string, object}})"/>
    internal OnnxValue[] Apply(string operation, int outputs, ReadOnlySpan<OnnxValue> inputs, params ReadOnlySpan<(string Name, object Value)> attributes)
    {
        string[] names = [.. Enumerable.Range(made, outputs).Select(number => $"{operation}_{number}")];
        made += outputs;
        AddNode(operation, inputs, names, attributes);
        return [.. names.Select(name => new OnnxValue(name))];
    }

    /// <summary>A weight, or a constant of one's own, in 32-bit floats or 64-bit whole numbers. The tensor must live until the graph is written.</summary>
    public unsafe OnnxValue Weight(Tensor tensor)
    {
        var place = (nint)tensor.Floats();
        if (!names.TryGetValue(place, out var name) || (weights.TryGetValue(name, out var known) && !known.shape.SequenceEqual(tensor.shape)))
        {
            name = $"constant_{made++}";
        }
        weights[name] = tensor;
        return new(name);
    }

    /// <summary>A number.</summary>
    public OnnxValue Number(double value) => Weight(tensor((float)value));

    /// <summary>Whole numbers in a row, such as a shape.</summary>
    public OnnxValue Integers(params long[] values) => Weight(tensor(values, dtype: int64));

    /// <summary>Writes the file. All weights lie in it, which may have 2 GB at most.</summary>
    /// <exception cref="UserErrorException">They are more.</exception>
    public void Write(Stream stream)
    {
        var tensors = weights.OrderBy(weight => weight.Key, StringComparer.Ordinal).Select(weight => (Head: TensorHead(weight.Key, weight.Value), weight.Value)).ToList();
        graph.Text(2, "granary");
        var length = graph.Written.Length + tensors.Sum(tensor => Framed(tensor.Head.Written.Length + Framed(BytesOf(tensor.Value))));
        if (length > int.MaxValue - (1 << 20))
        {
            throw new UserErrorException($"The model has {length} bytes, and an ONNX file of one piece cannot have more than 2 GB. Take --format huggingface, if the model has it.");
        }
        var model = new ProtoMessage().Integer(1, FormatVersion).Text(2, "granary").Message(8, new ProtoMessage().Text(1, "").Integer(2, Opset));
        foreach (var (name, value) in properties)
        {
            model.Message(14, new ProtoMessage().Text(1, name).Text(2, value));
        }
        stream.Write(model.BytesAhead(7, length).Written);
        stream.Write(graph.Written);
        foreach (var (head, values) in tensors)
        {
            var bytes = values.contiguous().bytes;
            stream.Write(new ProtoMessage().BytesAhead(5, head.Written.Length + Framed(bytes.Length)).Written);
            stream.Write(head.BytesAhead(9, bytes.Length).Written);
            stream.Write(bytes);
        }
    }

    private OnnxValue Input(string name, int type, ReadOnlySpan<OnnxLength> shape)
    {
        graph.Message(11, ValueInfo(name, type, shape));
        return new(name);
    }

    private void AddNode(string operation, ReadOnlySpan<OnnxValue> inputs, string[] outputs, params ReadOnlySpan<(string Name, object Value)> attributes)
    {
        var node = new ProtoMessage();
        foreach (var input in inputs)
        {
            node.Text(1, input.Name);
        }
        foreach (var output in outputs)
        {
            node.Text(2, output);
        }
        node.Text(3, outputs[0]).Text(4, operation);
        foreach (var (name, value) in attributes)
        {
            node.Message(5, Attribute(name, value));
        }
        graph.Message(1, node);
    }

    private static ProtoMessage Attribute(string name, object value)
    {
        const int Type = 20;
        var attribute = new ProtoMessage().Text(1, name);
        switch (value)
        {
            case double number:
                return attribute.Float(2, (float)number).Integer(Type, 1);
            case long number:
                return attribute.Integer(3, number).Integer(Type, 2);
            case string text:
                return attribute.Text(4, text).Integer(Type, 3);
            case long[] numbers:
                foreach (var number in numbers)
                {
                    attribute.Integer(8, number);
                }
                return attribute.Integer(Type, 7);
            default:
                throw new ArgumentException($"An attribute of ONNX is a long, a double, a text or an array of long here; '{name}' is a {value.GetType().Name}.");
        }
    }

    private static ProtoMessage ValueInfo(string name, int type, ReadOnlySpan<OnnxLength> shape)
    {
        var lengths = new ProtoMessage();
        foreach (var length in shape)
        {
            lengths.Message(1, length.Number is { } number ? new ProtoMessage().Integer(1, number) : new ProtoMessage().Text(2, length.Name ?? ""));
        }
        return new ProtoMessage().Text(1, name).Message(2, new ProtoMessage().Message(1, new ProtoMessage().Integer(1, type).Message(2, lengths)));
    }

    private static ProtoMessage TensorHead(string name, Tensor values)
    {
        var head = new ProtoMessage();
        foreach (var length in values.shape)
        {
            head.Integer(1, length);
        }
        return head.Integer(2, values.dtype == ScalarType.Int64 ? Integer : values.dtype == ScalarType.Float32 ? Float : throw new ArgumentException($"'{name}' has values of type {values.dtype}: 32-bit floats and 64-bit whole numbers can be written.")).Text(8, name);
    }

    /// <summary>Bytes of a field with its key, of one byte, and its length before it.</summary>
    private static long Framed(long length) => new ProtoMessage().BytesAhead(1, length).Written.Length + length;

    private static long BytesOf(Tensor values) => values.numel() * values.ElementSize;

    private static unsafe Dictionary<nint, string> NamesOf(IEnumerable<(string Name, nn.Module Module)> networks)
    {
        var names = new Dictionary<nint, string>();
        foreach (var (network, module) in networks)
        {
            foreach (var (name, values) in module.state_dict())
            {
                names.TryAdd((nint)values.Floats(), network.Length == 0 ? name : $"{network}.{name}");
            }
        }
        return names;
    }
}

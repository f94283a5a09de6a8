using System.Text;

namespace Granary.Training.Checkpoints;

/// <summary>
/// Where the weights lie in a model of the format ONNX, a protocol buffer. What its author calls them often says nothing, so each is named by what uses
/// it: <c>Conv.0.weight</c> belongs to the first convolution of the graph, and <c>BatchNormalization.3.running_mean</c> to the fourth normalization.
/// </summary>
internal static class OnnxHeader
{
    private const int Graph = 7, Node = 1, Initializer = 5, NodeInput = 1, NodeOperation = 4, TensorDimension = 1, TensorType = 2, TensorFloats = 4, TensorName = 8, TensorBytes = 9;
    private const ulong Float = 1;
    private static readonly Dictionary<string, string[]> roles = new()
    {
        ["Conv"] = ["", "weight", "bias"],
        ["Gemm"] = ["", "weight", "bias"],
        ["BatchNormalization"] = ["", "weight", "bias", "running_mean", "running_var"],
    };

    /// <exception cref="CheckpointException">This is no sound ONNX file; the message names it.</exception>
    public static SafetensorsHeader Read(Stream stream, string path)
    {
        var bytes = new byte[stream.Length <= Array.MaxLength ? stream.Length : throw new CheckpointException($"{path} has {stream.Length} bytes: more than can be read of an ONNX file.")];
        stream.ReadExactly(bytes);
        try
        {
            return new(Tensors(bytes), ValuesStart: 0);
        }
        catch (Exception error) when (error is InvalidDataException or IndexOutOfRangeException or ArgumentOutOfRangeException or OverflowException)
        {
            throw new CheckpointException($"{path} is no sound ONNX file: {error.Message}", error);
        }
    }

    private static Dictionary<string, SafetensorsEntry> Tensors(byte[] bytes)
    {
        var (found, counts, named) = (new Dictionary<string, SafetensorsEntry>(StringComparer.Ordinal), new Dictionary<string, int>(StringComparer.Ordinal), new Dictionary<string, SafetensorsEntry>(StringComparer.Ordinal));
        var graphs = Fields(bytes, 0, bytes.Length).Where(field => field.Number == Graph).ToList();
        var parts = graphs.SelectMany(graph => Fields(bytes, graph.Start, graph.End)).ToList();
        foreach (var part in parts.Where(part => part.Number == Initializer))
        {
            AddTensor(bytes, part, found);
        }
        foreach (var node in parts.Where(part => part.Number == Node))
        {
            var fields = Fields(bytes, node.Start, node.End).ToList();
            var operation = fields.Where(field => field.Number == NodeOperation).Select(field => Text(bytes, field)).FirstOrDefault("");
            var number = counts[operation] = counts.GetValueOrDefault(operation, -1) + 1;
            foreach (var (place, input) in fields.Where(field => field.Number == NodeInput).Select(field => Text(bytes, field)).Index())
            {
                if (found.Remove(input, out var tensor))
                {
                    named.Add($"{operation}.{number}.{(roles.TryGetValue(operation, out var known) && place < known.Length ? known[place] : $"{place}")}", tensor);
                }
            }
        }
        return named.Count > 0 ? named : throw new InvalidDataException("no operation of it has weights of 32-bit floats.");
    }

    private static void AddTensor(byte[] bytes, Field tensor, Dictionary<string, SafetensorsEntry> found)
    {
        var (name, shape, type, values) = ("", new List<long>(), Float, (Field?)null);
        foreach (var field in Fields(bytes, tensor.Start, tensor.End))
        {
            switch (field.Number)
            {
                case TensorName:
                    name = Text(bytes, field);
                    break;
                case TensorDimension:
                    shape.AddRange(field.IsNumber ? [(long)field.Value] : Numbers(bytes, field));
                    break;
                case TensorType:
                    type = field.Value;
                    break;
                case TensorFloats or TensorBytes when !field.IsNumber:
                    values = field;
                    break;
            }
        }
        if (type != Float || values is not { } place)
        {
            return;
        }
        var length = shape.Aggregate(1L, (product, side) => checked(product * side));
        if (length * sizeof(float) != place.End - place.Start)
        {
            throw new InvalidDataException($"its tensor '{name}' of [{string.Join(", ", shape)}] has {place.End - place.Start} bytes.");
        }
        found[name] = new(SafetensorsHeader.Float32, [.. shape], place.Start, place.End);
    }

    private static string Text(byte[] bytes, Field field) => Encoding.UTF8.GetString(bytes, field.Start, field.End - field.Start);

    private static List<long> Numbers(byte[] bytes, Field field)
    {
        var numbers = new List<long>();
        for (var place = field.Start; place < field.End;)
        {
            numbers.Add((long)Number(bytes, ref place));
        }
        return numbers;
    }

    private static IEnumerable<Field> Fields(byte[] bytes, int start, int end)
    {
        const int IsNumber = 0, IsLong = 1, IsBytes = 2, IsShort = 5;
        while (start < end)
        {
            var key = Number(bytes, ref start);
            var number = (int)(key >> 3);
            if ((key & 7) == IsNumber)
            {
                yield return new(number, start, start, Number(bytes, ref start), IsNumber: true);
                continue;
            }
            var length = (key & 7) switch
            {
                IsLong => sizeof(long),
                IsShort => sizeof(int),
                IsBytes => checked((int)Number(bytes, ref start)),
                var other => throw new InvalidDataException($"a field of it is of kind {other}."),
            };
            if (length > end - start)
            {
                throw new InvalidDataException("it ends within a field.");
            }
            yield return new(number, start, start + length, 0, IsNumber: false);
            start += length;
        }
    }

    private static ulong Number(byte[] bytes, ref int place)
    {
        var value = 0UL;
        for (var shift = 0; shift < 64; shift += 7)
        {
            var next = bytes[place++];
            value |= (ulong)(next & 127) << shift;
            if (next < 128)
            {
                return value;
            }
        }
        throw new InvalidDataException("a number of it has no end.");
    }

    private readonly record struct Field(int Number, int Start, int End, ulong Value, bool IsNumber);
}

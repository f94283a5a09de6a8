using System.Buffers.Binary;
using System.Collections.Frozen;
using System.Text.Json;

namespace Granary.Training.Checkpoints;

/// <summary>A tensor in a file: where its values begin and end, counted from the first value.</summary>
/// <param name="Type">As the format spells it: <c>F32</c>.</param>
internal sealed record SafetensorsEntry(string Type, long[] Shape, long Begin, long End);

/// <summary>
/// What a safetensors file says of itself. Every field is checked before any is believed: the values must be whole, within the
/// file, as many as the shape says, without gap or overlap.
/// </summary>
/// <param name="ValuesStart">Where the values begin in the file.</param>
internal sealed record SafetensorsHeader(IReadOnlyDictionary<string, SafetensorsEntry> Tensors, long ValuesStart)
{
    public const string Float32 = "F32", MetadataKey = "__metadata__";

    // Bytes of a value. Types of less than a byte are not known here.
    private static readonly FrozenDictionary<string, int> types = new Dictionary<string, int>
    {
        ["BOOL"] = 1, ["U8"] = 1, ["I8"] = 1, ["F8_E4M3"] = 1, ["F8_E5M2"] = 1, ["U16"] = 2, ["I16"] = 2, ["F16"] = 2, ["BF16"] = 2,
        ["U32"] = 4, ["I32"] = 4, [Float32] = 4, ["U64"] = 8, ["I64"] = 8, ["F64"] = 8,
    }.ToFrozenDictionary();

    private const int LargestHeader = 100_000_000, MostTensors = 100_000, MostDimensions = 64, LongestName = 1024;

    /// <exception cref="CheckpointException">This is no sound safetensors file; the message names it.</exception>
    public static SafetensorsHeader Read(Stream stream, string path)
    {
        try
        {
            return Read(stream);
        }
        catch (Exception error) when (error is JsonException or InvalidDataException or InvalidOperationException or EndOfStreamException)
        {
            throw new CheckpointException($"{path} is no sound safetensors file: {error.Message}", error);
        }
    }

    private static SafetensorsHeader Read(Stream stream)
    {
        Span<byte> length = stackalloc byte[sizeof(long)];
        stream.ReadExactly(length);
        var size = BinaryPrimitives.ReadInt64LittleEndian(length);
        if (size < 2 || size > LargestHeader || size > stream.Length - length.Length)
        {
            throw new InvalidDataException($"its header would be {size} bytes long.");
        }
        var json = new byte[size];
        stream.ReadExactly(json);
        var tensors = ReadTensors(json);
        CheckPlaces(tensors, stream.Length - stream.Position);
        return new(tensors, stream.Position);
    }

    private static Dictionary<string, SafetensorsEntry> ReadTensors(byte[] json)
    {
        var tensors = new Dictionary<string, SafetensorsEntry>(StringComparer.Ordinal);
        var described = false;
        var reader = new Utf8JsonReader(json);
        Expect(ref reader, JsonTokenType.StartObject, "its header");
        while (IsProperty(ref reader))
        {
            if (reader.ValueTextEquals(MetadataKey))
            {
                described = !described ? true : throw new InvalidDataException($"it has {MetadataKey} twice.");
                SkipMetadata(ref reader);
                continue;
            }
            if (tensors.Count == MostTensors)
            {
                throw new InvalidDataException($"it has more than {MostTensors} tensors.");
            }
            var name = ReadName(ref reader);
            if (!tensors.TryAdd(name, ReadEntry(ref reader, name)))
            {
                throw new InvalidDataException($"it has '{name}' twice.");
            }
        }
        reader.Read(); // throws if more than blanks follow
        return tensors;
    }

    private static string ReadName(ref Utf8JsonReader reader) =>
        reader.ValueSpan.Length <= LongestName && reader.GetString() is { } name && !name.Any(char.IsControl)
            ? name
            : throw new InvalidDataException($"a tensor's name is longer than {LongestName} bytes or cannot be printed.");

    private static void SkipMetadata(ref Utf8JsonReader reader)
    {
        Expect(ref reader, JsonTokenType.StartObject, MetadataKey);
        while (IsProperty(ref reader))
        {
            Expect(ref reader, JsonTokenType.String, $"each value of {MetadataKey}");
        }
    }

    private static SafetensorsEntry ReadEntry(ref Utf8JsonReader reader, string name)
    {
        string? type = null;
        long[]? shape = null, offsets = null;
        Expect(ref reader, JsonTokenType.StartObject, $"'{name}'");
        while (IsProperty(ref reader))
        {
            if (reader.ValueTextEquals("dtype") && type is null)
            {
                Expect(ref reader, JsonTokenType.String, $"the type of '{name}'");
                type = reader.ValueSpan.Length <= LongestName && reader.GetString() is { } known && types.ContainsKey(known)
                    ? known
                    : throw new InvalidDataException($"'{name}' is of a type that is not known here. Known: {string.Join(", ", types.Keys.Order(StringComparer.Ordinal))}.");
            }
            else if (reader.ValueTextEquals("shape") && shape is null)
            {
                shape = ReadNumbers(ref reader, MostDimensions, $"the shape of '{name}'");
            }
            else if (reader.ValueTextEquals("data_offsets") && offsets is null)
            {
                offsets = ReadNumbers(ref reader, 2, $"the offsets of '{name}'");
            }
            else
            {
                throw new InvalidDataException($"'{name}' has a field that is unknown or there twice.");
            }
        }
        if (type is null || shape is null || offsets is not [var begin, var end])
        {
            throw new InvalidDataException($"'{name}' lacks its type, its shape or one of its two offsets.");
        }
        return end - begin == BytesOf(types[type], shape) ? new(type, shape, begin, end) : throw new InvalidDataException(
            $"'{name}' lies from {begin} to {end}, which its shape [{string.Join(", ", shape)}] does not fill.");
    }

    /// <summary><see langword="null"/>: more than can be counted.</summary>
    private static long? BytesOf(int value, long[] shape)
    {
        Int128 bytes = value;
        foreach (var size in shape)
        {
            bytes *= size;
            if (bytes > long.MaxValue)
            {
                return null;
            }
        }
        return (long)bytes;
    }

    private static long[] ReadNumbers(ref Utf8JsonReader reader, int most, string what)
    {
        var numbers = new List<long>();
        Expect(ref reader, JsonTokenType.StartArray, what);
        while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
        {
            if (reader.TokenType != JsonTokenType.Number || !reader.TryGetInt64(out var number) || number < 0 || numbers.Count == most)
            {
                throw new InvalidDataException($"{what} must be {most} whole numbers at most, none below 0.");
            }
            numbers.Add(number);
        }
        return [.. numbers];
    }

    private static void CheckPlaces(Dictionary<string, SafetensorsEntry> tensors, long bytes)
    {
        long end = 0;
        foreach (var (name, entry) in tensors.OrderBy(tensor => tensor.Value.Begin).ThenBy(tensor => tensor.Value.End))
        {
            if (entry.Begin != end)
            {
                throw new InvalidDataException($"'{name}' begins at {entry.Begin}, where {end} is next.");
            }
            end = entry.End;
        }
        if (end != bytes)
        {
            throw new InvalidDataException($"it holds {bytes} bytes of values, its header tells of {end}.");
        }
    }

    private static bool IsProperty(ref Utf8JsonReader reader) => reader.Read() && reader.TokenType == JsonTokenType.PropertyName;

    private static void Expect(ref Utf8JsonReader reader, JsonTokenType token, string what)
    {
        if (!reader.Read() || reader.TokenType != token)
        {
            throw new InvalidDataException($"{what} is {reader.TokenType}, not {token}.");
        }
    }
}

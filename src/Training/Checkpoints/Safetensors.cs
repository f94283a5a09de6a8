using System.Buffers.Binary;
using System.Text.Json;
using Granary.Training.Files;
using Granary.Training.Tasks;
using Granary.Training.Wording;

namespace Granary.Training.Checkpoints;

/// <summary>A file is no checkpoint of this run, or not whole. The message names it.</summary>
public sealed class CheckpointException(string message, Exception? inner = null) : Exception(Shown.OneLine(message), inner);

/// <summary>A tensor of a file.</summary>
/// <param name="Type">As the format spells it: <c>F32</c>.</param>
public sealed record ListedTensor(string Name, string Type, IReadOnlyList<long> Shape, long Bytes)
{
    /// <summary>How many values it has.</summary>
    public long Count => Shape.Aggregate(1L, (product, length) => product * length);
}

/// <summary>
/// The safetensors format: an 8-byte little-endian header length, a JSON header with type, shape and offsets of each tensor, then the
/// values. Only values that are 32-bit floats are read. See https://github.com/huggingface/safetensors#format.
/// </summary>
public static class Safetensors
{
    /// <summary>Writes the tensors in the order given.</summary>
    /// <param name="counts">Whole numbers to write before them, tensors without a dimension. Default: none.</param>
    public static void Write(Stream stream, IEnumerable<StateTensor> tensors, IReadOnlyDictionary<string, long>? counts = null)
    {
        var all = tensors.ToList();
        counts ??= new Dictionary<string, long>();
        var header = new Dictionary<string, object> { [SafetensorsHeader.MetadataKey] = new Dictionary<string, string> { ["format"] = "pt" } };
        long offset = 0;
        foreach (var name in counts.Keys)
        {
            header.Add(name, new Entry("I64", [], [offset, offset += sizeof(long)]));
        }
        foreach (var tensor in all)
        {
            var end = offset + tensor.Length * sizeof(float);
            header.Add(tensor.Name, new Entry(SafetensorsHeader.Float32, tensor.Shape, [offset, end]));
            offset = end;
        }
        var json = JsonSerializer.SerializeToUtf8Bytes(header);
        var padding = (8 - json.Length % 8) % 8;
        Span<byte> length = stackalloc byte[8];
        BinaryPrimitives.WriteInt64LittleEndian(length, json.Length + padding);
        stream.Write(length);
        stream.Write(json);
        stream.Write("       "u8[..padding]);
        foreach (var count in counts.Values)
        {
            BinaryPrimitives.WriteInt64LittleEndian(length, count);
            stream.Write(length);
        }
        foreach (var tensor in all)
        {
            TensorBytes.ForEachPiece(tensor, piece => stream.Write(piece));
        }
    }

    /// <summary>
    /// Fills each of the tensors from the file, by name. The file must hold exactly these, in these shapes; until that is sure,
    /// none is touched.
    /// </summary>
    /// <exception cref="CheckpointException">A tensor is missing, surplus or of another shape or type; or the file is not sound.</exception>
    public static void Read(string path, IEnumerable<StateTensor> tensors) => Use(path, (stream, header) =>
    {
        var wanted = tensors.ToDictionary(tensor => tensor.Name);
        foreach (var tensor in wanted.Values)
        {
            var entry = header.Tensors.GetValueOrDefault(tensor.Name)
                ?? throw new CheckpointException($"{path} holds no tensor '{tensor.Name}'. Was it written by another task, or with other settings?");
            if (entry.Type != SafetensorsHeader.Float32 || !entry.Shape.SequenceEqual(tensor.Shape))
            {
                throw new CheckpointException($"{path} holds '{tensor.Name}' as {Described(entry.Type, entry.Shape)}, wanted is {Described(SafetensorsHeader.Float32, tensor.Shape)}. Was it written with other settings?");
            }
        }
        if (header.Tensors.Count > wanted.Count)
        {
            throw new CheckpointException($"{path} holds tensors that this task does not know: {string.Join(", ", header.Tensors.Keys.Where(name => !wanted.ContainsKey(name)).Take(5))}.");
        }
        foreach (var tensor in wanted.Values)
        {
            stream.Position = header.ValuesStart + header.Tensors[tensor.Name].Begin;
            TensorBytes.ForEachPiece(tensor, piece => stream.ReadExactly(piece));
        }
        return true;
    });

    /// <summary>What a file holds, in the order of its names. Only the header is read.</summary>
    /// <exception cref="CheckpointException">It is no sound safetensors file.</exception>
    public static IReadOnlyList<ListedTensor> List(string path) => Use(path, (_, header) => header.Tensors
        .OrderBy(tensor => tensor.Key, StringComparer.Ordinal)
        .Select(tensor => new ListedTensor(tensor.Key, tensor.Value.Type, tensor.Value.Shape, tensor.Value.End - tensor.Value.Begin))
        .ToList());

    /// <exception cref="CheckpointException">It is no sound file, or one of other types than 32-bit floats.</exception>
    internal static void DemandFloats(string path) => Use(path, (_, header) => header.Tensors.FirstOrDefault(tensor => tensor.Value.Type != SafetensorsHeader.Float32) is { Key: { } name, Value.Type: var type }
        ? throw new CheckpointException($"{path} holds '{name}' as {type}: the tensors of a checkpoint are {SafetensorsHeader.Float32}.")
        : true);

    /// <summary>Opens a file whose header is sound.</summary>
    /// <exception cref="CheckpointException"/>
    internal static T Use<T>(string path, Func<Stream, SafetensorsHeader, T> use)
    {
        try
        {
            using var stream = RegularFile.Open(path, followLink: false);
            return use(stream, SafetensorsHeader.Read(stream, path));
        }
        catch (Exception error) when (error.IsStorageFault())
        {
            throw new CheckpointException($"{path} cannot be read: {error.Message}", error);
        }
    }

    private static string Described(string type, long[] shape) => $"{type} [{string.Join(", ", shape)}]";

    // Names as the format spells them.
    private sealed record Entry(string dtype, long[] shape, long[] data_offsets);
}

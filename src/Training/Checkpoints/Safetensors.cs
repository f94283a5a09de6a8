using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text.Json;
using Granary.Training.Tasks;

namespace Granary.Training.Checkpoints;

/// <summary>A file is no checkpoint of this run, or not whole. The message names it.</summary>
public sealed class CheckpointException(string message, Exception? inner = null) : Exception(message, inner);

/// <summary>
/// The safetensors format, 32-bit floats only: an 8-byte little-endian header length, a JSON header with type, shape and
/// offsets of each tensor, then the values. See https://github.com/huggingface/safetensors#format.
/// </summary>
public static class Safetensors
{
    private const string TypeName = "F32", MetadataKey = "__metadata__";

    /// <summary>Writes the tensors in the order given.</summary>
    public static void Write(Stream stream, IEnumerable<StateTensor> tensors)
    {
        var all = tensors.ToList();
        var header = new Dictionary<string, object> { [MetadataKey] = new Dictionary<string, string> { ["format"] = "pt" } };
        long offset = 0;
        foreach (var tensor in all)
        {
            var end = offset + (long)tensor.Length * sizeof(float);
            header.Add(tensor.Name, new Entry(TypeName, tensor.Shape, [offset, end]));
            offset = end;
        }
        var json = JsonSerializer.SerializeToUtf8Bytes(header);
        var padding = (8 - json.Length % 8) % 8;
        Span<byte> length = stackalloc byte[8];
        BinaryPrimitives.WriteInt64LittleEndian(length, json.Length + padding);
        stream.Write(length);
        stream.Write(json);
        stream.Write("       "u8[..padding]);
        foreach (var tensor in all)
        {
            stream.Write(MemoryMarshal.AsBytes(tensor.Values));
        }
    }

    /// <summary>Fills each of the tensors from the file, by name. The file must hold exactly these, in these shapes.</summary>
    /// <exception cref="CheckpointException">A tensor is missing, surplus or of another shape or type; or the file is cut off.</exception>
    public static void Read(string path, IEnumerable<StateTensor> tensors)
    {
        using var stream = File.OpenRead(path);
        var header = ReadHeader(stream, path);
        var values = stream.Position;
        foreach (var tensor in tensors)
        {
            if (!header.Remove(tensor.Name, out var entry))
            {
                throw new CheckpointException($"{path} holds no tensor '{tensor.Name}'. Was it written by another task, or with other settings?");
            }
            if (entry.dtype != TypeName || !entry.shape.SequenceEqual(tensor.Shape))
            {
                throw new CheckpointException($"{path} holds '{tensor.Name}' as {entry.dtype} [{string.Join(", ", entry.shape)}], wanted is {TypeName} [{string.Join(", ", tensor.Shape)}]. Was it written with other settings?");
            }
            stream.Position = values + entry.data_offsets[0];
            stream.ReadExactly(MemoryMarshal.AsBytes(tensor.Values));
        }
        if (header.Count > 0)
        {
            throw new CheckpointException($"{path} holds tensors that this task does not know: {string.Join(", ", header.Keys)}.");
        }
    }

    private static Dictionary<string, Entry> ReadHeader(Stream stream, string path)
    {
        try
        {
            Span<byte> length = stackalloc byte[8];
            stream.ReadExactly(length);
            var size = BinaryPrimitives.ReadInt64LittleEndian(length);
            if (size < 2 || size > stream.Length - length.Length)
            {
                throw new CheckpointException($"{path} is no safetensors file: its header would be {size} bytes long.");
            }
            var json = new byte[size];
            stream.ReadExactly(json);
            using var header = JsonDocument.Parse(json);
            var entries = header.RootElement.EnumerateObject()
                .Where(property => property.Name != MetadataKey)
                .ToDictionary(property => property.Name, property => property.Value.Deserialize<Entry>()!);
            var end = entries.Values.Select(entry => entry.data_offsets[1]).DefaultIfEmpty().Max();
            return stream.Length - stream.Position == end
                ? entries
                : throw new CheckpointException($"{path} holds {stream.Length - stream.Position} bytes of values, its header tells of {end}.");
        }
        catch (Exception error) when (error is JsonException or EndOfStreamException or InvalidOperationException)
        {
            throw new CheckpointException($"{path} is no safetensors file: {error.Message}", error);
        }
    }

    // Names as the format spells them.
    private sealed record Entry(string dtype, long[] shape, long[] data_offsets);
}

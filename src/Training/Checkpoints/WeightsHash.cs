using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using Granary.Training.Tasks;

namespace Granary.Training.Checkpoints;

/// <summary>
/// The fingerprint of a model: SHA-256 over its tensors in ordinal order of their names, each as the UTF-8 name, a zero
/// byte, the number of dimensions and each dimension as 64-bit little-endian integers, and the values as 32-bit
/// little-endian floats in row-major order. Anybody can recompute it from <c>model.safetensors</c>.
/// </summary>
public static class WeightsHash
{
    /// <summary>64 lower-case hexadecimal digits.</summary>
    public static string Of(ReplicaState state)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        Append(hash, state.Tensors.Where(tensor => tensor.Kind == StateKind.Model));
        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }

    /// <summary>The same over all that a twin needs: the training state's tensors, too, and the scalars.</summary>
    public static string OfAll(ReplicaState state)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        Append(hash, state.Tensors);
        foreach (var (name, value) in state.Scalars)
        {
            hash.AppendData(Encoding.UTF8.GetBytes(name));
            AppendInteger(hash, BitConverter.DoubleToInt64Bits(value));
        }
        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }

    /// <summary>The same as <see cref="Of"/>, from a file of tensors.</summary>
    /// <exception cref="CheckpointException"/>
    internal static string OfFile(string path) => Safetensors.Use(path, (stream, header) =>
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var buffer = new byte[1 << 16];
        foreach (var (name, entry) in header.Tensors.OrderBy(tensor => tensor.Key, StringComparer.Ordinal))
        {
            AppendShape(hash, name, entry.Shape);
            stream.Position = header.ValuesStart + entry.Begin;
            for (var left = entry.End - entry.Begin; left > 0;)
            {
                var piece = buffer.AsSpan(0, (int)Math.Min(buffer.Length, left));
                stream.ReadExactly(piece);
                hash.AppendData(piece);
                left -= piece.Length;
            }
        }
        return Convert.ToHexStringLower(hash.GetHashAndReset());
    });

    private static void Append(IncrementalHash hash, IEnumerable<StateTensor> tensors)
    {
        foreach (var tensor in tensors.OrderBy(tensor => tensor.Name, StringComparer.Ordinal))
        {
            AppendShape(hash, tensor.Name, tensor.Shape);
            TensorBytes.ForEachPiece(tensor, piece => hash.AppendData(piece));
        }
    }

    private static void AppendShape(IncrementalHash hash, string name, long[] shape)
    {
        hash.AppendData(Encoding.UTF8.GetBytes(name));
        hash.AppendData([0]);
        AppendInteger(hash, shape.Length);
        foreach (var size in shape)
        {
            AppendInteger(hash, size);
        }
    }

    private static void AppendInteger(IncrementalHash hash, long value)
    {
        Span<byte> bytes = stackalloc byte[sizeof(long)];
        BinaryPrimitives.WriteInt64LittleEndian(bytes, value);
        hash.AppendData(bytes);
    }
}

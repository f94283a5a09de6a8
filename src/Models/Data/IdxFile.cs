using System.Buffers.Binary;
using System.IO.Compression;
using Granary.Training.Tasks;

namespace Granary.Models.Data;

/// <summary>
/// Reads MNIST's file format, plain or gzipped: a big-endian magic number (2051 images, 2049 labels), the sizes of all
/// dimensions, and a byte for each value.
/// </summary>
public static class IdxFile
{
    private const int ImageMagic = 2051, LabelMagic = 2049;

    /// <exception cref="TrainingDataException"/>
    public static ImageSet ReadImages(string path)
    {
        var (sizes, values) = Read(path, ImageMagic, dimensions: 3);
        return new(sizes[1], sizes[2], values, Labels: default);
    }

    /// <exception cref="TrainingDataException"/>
    public static ReadOnlyMemory<byte> ReadLabels(string path) => Read(path, LabelMagic, dimensions: 1).Values;

    private static (int[] Sizes, ReadOnlyMemory<byte> Values) Read(string path, int magic, int dimensions)
    {
        var bytes = Unpack(path);
        var header = sizeof(int) * (1 + dimensions);
        if (bytes.Length < header)
        {
            throw new TrainingDataException($"'{path}' ends after {bytes.Length} bytes, within its header of {header}. Fetch it again.");
        }
        var found = BinaryPrimitives.ReadInt32BigEndian(bytes);
        if (found != magic)
        {
            throw new TrainingDataException($"'{path}' begins with {Kind(found)} where {Kind(magic)} was expected. Give the IDX file that holds {(magic == ImageMagic ? "the images" : "the labels")}.");
        }
        int[] sizes = [.. Enumerable.Range(1, dimensions).Select(dimension => BinaryPrimitives.ReadInt32BigEndian(bytes.AsSpan(sizeof(int) * dimension)))];
        var expected = sizes.Aggregate((decimal)1, (product, size) => product * size);
        if (bytes.Length - header != expected || sizes.Min() < 1)
        {
            throw new TrainingDataException($"'{path}' announces {string.Join(" x ", sizes)} = {expected} values and holds {bytes.Length - header}: it was cut off or altered. Fetch it again.");
        }
        return (sizes, bytes.AsMemory(header));
    }

    private static byte[] Unpack(string path)
    {
        try
        {
            var bytes = File.ReadAllBytes(path);
            if (bytes is not [0x1F, 0x8B, ..])
            {
                return bytes;
            }
            using var unpacked = new MemoryStream();
            using var packed = new GZipStream(new MemoryStream(bytes), CompressionMode.Decompress);
            packed.CopyTo(unpacked);
            return unpacked.ToArray();
        }
        catch (InvalidDataException error)
        {
            throw new TrainingDataException($"'{path}' begins like a gzip file but does not unpack ({error.Message}). Fetch it again.", error);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new TrainingDataException($"'{path}' cannot be read: {error.Message} Is the path right, and on this machine too?", error);
        }
    }

    private static string Kind(int magic) => magic switch
    {
        ImageMagic => "2051 (IDX images)",
        LabelMagic => "2049 (IDX labels)",
        _ => $"{magic} (no IDX file of bytes)",
    };
}

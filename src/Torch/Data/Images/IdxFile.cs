using System.Buffers.Binary;
using Granary.Training.Tasks;

namespace Granary.Torch.Data.Images;

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
        return new(new(1, sizes[1], sizes[2]), values, Labels: default);
    }

    /// <param name="labels">Another file; <see langword="null"/>: there are no labels.</param>
    /// <exception cref="TrainingDataException"/>
    internal static ImageSet ReadLabelled(string images, string? labels)
    {
        var set = ReadImages(images);
        if (labels is null)
        {
            return set;
        }
        var read = ReadLabels(labels);
        return read.Length == set.Count
            ? set with { Labels = read }
            : throw new TrainingDataException($"'{images}' holds {set.Count} images but '{labels}' {read.Length} labels. Fetch both again, from one place.");
    }

    /// <exception cref="TrainingDataException"/>
    public static ReadOnlyMemory<byte> ReadLabels(string path) => Read(path, LabelMagic, dimensions: 1).Values;

    private static (int[] Sizes, ReadOnlyMemory<byte> Values) Read(string path, int magic, int dimensions) =>
        new DataPart(path).Read((stream, most) => Read(stream, most, path, magic, dimensions));

    private static (int[] Sizes, ReadOnlyMemory<byte> Values) Read(Stream stream, long most, string path, int magic, int dimensions)
    {
        var header = new byte[sizeof(int) * (1 + dimensions)];
        var begun = stream.ReadAtLeast(header, header.Length, throwOnEndOfStream: false);
        if (begun < header.Length)
        {
            throw new TrainingDataException($"'{path}' ends after {begun} bytes, within its header of {header.Length}. Fetch it again.");
        }
        var found = BinaryPrimitives.ReadInt32BigEndian(header);
        if (found != magic)
        {
            throw new TrainingDataException($"'{path}' begins with {Kind(found)} where {Kind(magic)} was expected. Give the IDX file that holds {(magic == ImageMagic ? "the images" : "the labels")}.");
        }
        int[] sizes = [.. Enumerable.Range(1, dimensions).Select(dimension => BinaryPrimitives.ReadInt32BigEndian(header.AsSpan(sizeof(int) * dimension)))];
        var expected = sizes.Aggregate((decimal)1, (product, size) => product * size);
        if (sizes.Min() < 1 || expected > Math.Min(most - header.Length, Array.MaxLength))
        {
            throw new TrainingDataException($"{Announced()} and holds {Math.Min(most - header.Length, Array.MaxLength)} at most: it was cut off or altered. Fetch it again{(stream is UnpackedStream ? $", or believe it by a larger {UnpackedStream.Variable}" : "")}.");
        }
        var values = new byte[(int)expected];
        var held = stream.ReadAtLeast(values, values.Length, throwOnEndOfStream: false);
        return held == values.Length && stream.ReadByte() < 0
            ? (sizes, values)
            : throw new TrainingDataException($"{Announced()} and holds {(held == values.Length ? "more" : held)}: it was cut off or altered. Fetch it again.");

        string Announced() => $"'{path}' announces {string.Join(" x ", sizes)} = {expected} values";
    }

    private static string Kind(int magic) => magic switch
    {
        ImageMagic => "2051 (IDX images)",
        LabelMagic => "2049 (IDX labels)",
        _ => $"{magic} (no IDX file of bytes)",
    };
}

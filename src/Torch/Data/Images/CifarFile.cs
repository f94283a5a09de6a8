using Granary.Training.Tasks;

namespace Granary.Torch.Data.Images;

/// <summary>
/// Reads CIFAR's binary files, plain or gzipped: 32 x 32 pixels in three planes, and before them a byte with the number of the class (in
/// CIFAR-100 two: the group, and the class).
/// </summary>
internal static class CifarFile
{
    private const int Side = 32, Colours = 3, Pixels = Colours * Side * Side;
    private static readonly string[] nameFiles = ["batches.meta.txt", "fine_label_names.txt"];

    /// <exception cref="TrainingDataException"/>
    public static ImageSet Read(string path)
    {
        var content = new DataPart(path).Read((stream, _) =>
        {
            using var all = new MemoryStream();
            stream.CopyTo(all);
            return all.ToArray();
        });
        var labels = content.Length % (1 + Pixels) == 0 ? 1 : 2;
        var record = labels + Pixels;
        if (content.Length == 0 || content.Length % record != 0)
        {
            throw new TrainingDataException($"'{path}' has {content.Length} bytes, no whole number of images: CIFAR-10 has {1 + Pixels} bytes an image, CIFAR-100 {2 + Pixels}. Was it cut off, or is it of another kind?");
        }
        var (planes, classes) = (new byte[content.Length / record * Pixels], new byte[content.Length / record]);
        for (var i = 0; i < classes.Length; i++)
        {
            classes[i] = content[i * record + labels - 1];
            content.AsSpan(i * record + labels, Pixels).CopyTo(planes.AsSpan(i * Pixels));
        }
        return new(new(Colours, Side, Side), planes, classes);
    }

    /// <summary>Of several files, all images one after another.</summary>
    /// <exception cref="TrainingDataException"/>
    public static ImageSet Read(IReadOnlyList<string> paths)
    {
        var sets = paths.Select(Read).ToList();
        return sets.Count == 1 ? sets[0] : sets[0] with { Planes = Joined(sets.Select(set => set.Planes)), Labels = Joined(sets.Select(set => set.Labels)) };
    }

    /// <summary>The file with the names of the classes, if it lies beside the images.</summary>
    public static string? NamesIn(string folder) => nameFiles.Select(name => Path.Combine(folder, name)).FirstOrDefault(File.Exists);

    private static byte[] Joined(IEnumerable<ReadOnlyMemory<byte>> parts) => [.. parts.SelectMany(part => part.ToArray())];
}

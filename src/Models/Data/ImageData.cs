using Granary.Training.Tasks;

namespace Granary.Models.Data;

/// <summary>Images to train on and images held out. Loaded once a process: replicas of all slots read the same memory.</summary>
public sealed record ImageData(ImageSet Train, ImageSet HeldOut)
{
    private const int DrawnForTraining = 10_000, DrawnHeldOut = 1_000;
    private static readonly Lock gate = new();

    // Weak, so that the memory goes when the last run on these data ends.
    private static readonly Dictionary<string, WeakReference<ImageData>> loaded = [];

    /// <param name="path">
    /// A folder with MNIST's file names (held out is its <c>t10k</c> set), or a file of images (held out is its last tenth);
    /// <see langword="null"/>: <see cref="DrawnGlyphs"/>.
    /// </param>
    /// <exception cref="TrainingDataException"/>
    public static ImageData Load(string? path)
    {
        lock (gate)
        {
            if (!loaded.TryGetValue(path ?? "", out var known) || !known.TryGetTarget(out var data))
            {
                data = path is null ? Draw() : Directory.Exists(path) ? ReadFolder(path) : ReadFile(path);
                loaded[path ?? ""] = new(data);
            }
            return data;
        }
    }

    private static ImageData Draw() => new(DrawnGlyphs.Draw(DrawnForTraining, seed: 1), DrawnGlyphs.Draw(DrawnHeldOut, seed: 2));

    private static ImageData ReadFolder(string folder)
    {
        if (Find(folder, "train-images-idx3-ubyte") is not { } train)
        {
            var found = Directory.EnumerateFileSystemEntries(folder).Select(Path.GetFileName).Order().Take(5).ToList();
            throw new TrainingDataException(
                $"'{folder}' has no file train-images-idx3-ubyte or train-images-idx3-ubyte.gz; it holds {(found.Count == 0 ? "nothing" : string.Join(", ", found))}. " +
                "Fetch one with 'granary data get mnist', or leave the path out to train on drawn glyphs.");
        }
        return Find(folder, "t10k-images-idx3-ubyte") is { } test ? new(Read(train), Read(test)) : Divide(Read(train));
    }

    private static ImageData ReadFile(string path) => Divide(Read(path));

    private static ImageData Divide(ImageSet all)
    {
        var heldOut = all.Count / 10;
        return heldOut > 0
            ? new(all.Part(0, all.Count - heldOut), all.Part(all.Count - heldOut, heldOut))
            : throw new TrainingDataException($"The data hold {all.Count} images. At least 10 are needed, as every tenth is held out.");
    }

    private static ImageSet Read(string path)
    {
        var images = IdxFile.ReadImages(path);
        var (folder, name) = (Path.GetDirectoryName(path) ?? "", Path.GetFileName(path).Replace(".gz", "", StringComparison.Ordinal));
        if (!name.Contains("images-idx3", StringComparison.Ordinal) || Find(folder, name.Replace("images-idx3", "labels-idx1", StringComparison.Ordinal)) is not { } labelPath)
        {
            return images;
        }
        var labels = IdxFile.ReadLabels(labelPath);
        return labels.Length == images.Count
            ? images with { Labels = labels }
            : throw new TrainingDataException($"'{path}' holds {images.Count} images but '{labelPath}' {labels.Length} labels. Fetch both again, from one place.");
    }

    private static string? Find(string folder, string name) =>
        new[] { name, name + ".gz" }.Select(candidate => Path.Combine(folder, candidate)).FirstOrDefault(File.Exists);
}

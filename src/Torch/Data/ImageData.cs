using Granary.Training.Tasks;

namespace Granary.Torch.Data;

/// <summary>Images to train on and images held out. Loaded once a process: replicas of all slots read the same memory.</summary>
public sealed record ImageData(ImageSet Train, ImageSet HeldOut) : IDataFormat
{
    private const int DrawnForTraining = 10_000, DrawnHeldOut = 1_000;
    private const string TrainName = "train-images-idx3-ubyte", TestName = "t10k-images-idx3-ubyte", Packed = ".gz";
    private static readonly WeakCache<(Sources Sources, string Stamps), ImageData> loaded = new(key => key.Sources.Read());

    private static readonly WeakCache<string, ImageData> drawn =
        new(_ => new(DrawnGlyphs.Draw(DrawnForTraining, seed: 1), DrawnGlyphs.Draw(DrawnHeldOut, seed: 2)));

    /// <param name="path">
    /// A folder with MNIST's file names (held out is its <c>t10k</c> set), or a file of images (held out is its last tenth);
    /// <see langword="null"/>: <see cref="DrawnGlyphs"/>.
    /// </param>
    /// <exception cref="TrainingDataException"/>
    public static ImageData Load(string? path)
    {
        if (path is null)
        {
            return drawn.Get("");
        }
        var sources = Sources.At(path);
        return loaded.Get((sources, FileStamps.Of(sources.Paths)));
    }

    /// <summary>The files that <see cref="Load"/> reads.</summary>
    /// <exception cref="TrainingDataException"/>
    public static IReadOnlyList<string> FilesAt(string path) => Sources.At(path).Paths;

    private static ImageData Divide(ImageSet all)
    {
        var heldOut = all.Count / 10;
        return heldOut > 0
            ? new(all.Part(0, all.Count - heldOut), all.Part(all.Count - heldOut, heldOut))
            : throw new TrainingDataException($"The data hold {all.Count} images. At least 10 are needed, as every tenth is held out.");
    }

    private static string? Find(string folder, string name)
    {
        var found = new[] { name, name + Packed }.Where(candidate => File.Exists(Path.Combine(folder, candidate))).ToList();
        return found.Count < 2
            ? found.Select(candidate => Path.Combine(folder, candidate)).FirstOrDefault()
            : throw new TrainingDataException($"'{folder}' has both {found[0]} and {found[1]}. Leave one there.");
    }

    /// <summary>Images, and their labels if there are any.</summary>
    private sealed record Source(string Images, string? Labels)
    {
        public static Source Of(string images)
        {
            var (folder, name) = (Path.GetDirectoryName(images) ?? "", Path.GetFileName(images));
            name = name.EndsWith(Packed, StringComparison.Ordinal) ? name[..^Packed.Length] : name;
            return new(images, name.Contains("images-idx3", StringComparison.Ordinal) ? Find(folder, name.Replace("images-idx3", "labels-idx1", StringComparison.Ordinal)) : null);
        }

        public ImageSet Read()
        {
            var images = IdxFile.ReadImages(Images);
            if (Labels is null)
            {
                return images;
            }
            var labels = IdxFile.ReadLabels(Labels);
            return labels.Length == images.Count
                ? images with { Labels = labels }
                : throw new TrainingDataException($"'{Images}' holds {images.Count} images but '{Labels}' {labels.Length} labels. Fetch both again, from one place.");
        }
    }

    private sealed record Sources(Source Train, Source? HeldOut)
    {
        public IReadOnlyList<string> Paths => [.. new[] { Train.Images, Train.Labels, HeldOut?.Images, HeldOut?.Labels }.OfType<string>()];

        public static Sources At(string path)
        {
            path = Path.GetFullPath(path);
            if (File.Exists(path))
            {
                return new(Source.Of(path), HeldOut: null);
            }
            if (!Directory.Exists(path))
            {
                throw new TrainingDataException($"There is nothing at '{path}'. Give the path of an IDX file of images, or of a folder with MNIST's files, as the silo sees it.");
            }
            if (Find(path, TrainName) is not { } train)
            {
                var found = Directory.EnumerateFileSystemEntries(path).Select(Path.GetFileName).Order().Take(5).ToList();
                throw new TrainingDataException(
                    $"'{path}' has no file {TrainName} or {TrainName}{Packed}; it holds {(found.Count == 0 ? "nothing" : string.Join(", ", found))}. " +
                    "Fetch one with 'granary data get mnist', or leave the path out to train on drawn glyphs.");
            }
            return new(Source.Of(train), Find(path, TestName) is { } test ? Source.Of(test) : null);
        }

        public ImageData Read()
        {
            var train = Train.Read();
            if (HeldOut is null)
            {
                return Divide(train);
            }
            var heldOut = HeldOut.Read();
            return (train.Height, train.Width) == (heldOut.Height, heldOut.Width) ? new(train, heldOut) : throw new TrainingDataException(
                $"'{Train.Images}' holds images of {train.Height} x {train.Width}, '{HeldOut.Images}' of {heldOut.Height} x {heldOut.Width}. Give sets of one size.");
        }
    }
}

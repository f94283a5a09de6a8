// N images, C colours
using System.Runtime.InteropServices;
using Granary.Training.Randomness;
using Granary.Training.Tasks;
using static TorchSharp.torch;

namespace Granary.Torch.Data;

/// <summary>
/// Pictures in folders that are named after their classes: <c>ants/1.jpg</c>. With folders <c>train</c> and <c>val</c> (or
/// <c>valid</c>, <c>test</c>) above them, the second is held out; otherwise every tenth picture of a class is.
/// </summary>
public sealed class ImageFolder : IDataFormat
{
    private const int HeldOutPart = 10;
    private static readonly string[] kinds = [".jpg", ".jpeg", ".png", ".bmp", ".gif", ".tga"], heldOutNames = ["val", "valid", "validation", "test"];

    private ImageFolder(IReadOnlyList<string> classes, IReadOnlyList<(string Path, int Label)> training, IReadOnlyList<(string Path, int Label)> heldOut) =>
        (Classes, Training, HeldOut) = (classes, new(training), new(heldOut));

    /// <summary>The names of the classes; a label is an index into this list.</summary>
    public IReadOnlyList<string> Classes { get; }

    /// <summary>Pictures to learn from.</summary>
    public Pictures Training { get; }

    /// <summary>Pictures that are held out.</summary>
    public Pictures HeldOut { get; }

    /// <exception cref="TrainingDataException">There are fewer than two classes, or a class has no picture.</exception>
    public static ImageFolder Find(string path)
    {
        var folder = Path.GetFullPath(path);
        if (!Directory.Exists(folder))
        {
            throw new TrainingDataException($"There is no folder '{folder}'. Give one that has a folder of pictures for each class, as the silo sees it.");
        }
        var train = Path.Combine(folder, "train");
        if (Directory.Exists(train))
        {
            var other = heldOutNames.Select(name => Path.Combine(folder, name)).FirstOrDefault(Directory.Exists)
                ?? throw new TrainingDataException($"'{folder}' has a folder 'train' and none that is held out. Add one named {string.Join(", ", heldOutNames)}.");
            var classes = ClassesIn(train);
            return new(classes, [.. classes.SelectMany((name, label) => PicturesIn(train, name, label))], [.. classes.SelectMany((name, label) => PicturesIn(other, name, label))]);
        }
        var all = ClassesIn(folder);
        var pictures = all.SelectMany((name, label) => PicturesIn(folder, name, label).Select((picture, number) => (picture, IsHeldOut: number % HeldOutPart == HeldOutPart - 1))).ToList();
        return new(all, [.. pictures.Where(entry => !entry.IsHeldOut).Select(entry => entry.picture)], [.. pictures.Where(entry => entry.IsHeldOut).Select(entry => entry.picture)]);
    }

    /// <inheritdoc/>
    public static IReadOnlyList<string> FilesAt(string path)
    {
        var found = Find(path);
        return [.. found.Training.Paths, .. found.HeldOut.Paths];
    }

    private static IReadOnlyList<string> ClassesIn(string folder)
    {
        var classes = Directory.GetDirectories(folder).Select(name => Path.GetFileName(name)).Where(name => !name.StartsWith('.')).Order(StringComparer.Ordinal).ToList();
        return classes.Count > 1 ? classes : throw new TrainingDataException($"'{folder}' has {classes.Count} folders of pictures; two classes at least are needed, a folder each.");
    }

    private static IReadOnlyList<(string Path, int Label)> PicturesIn(string folder, string name, int label)
    {
        var path = Path.Combine(folder, name);
        var found = Directory.Exists(path)
            ? Directory.GetFiles(path).Where(file => kinds.Contains(Path.GetExtension(file), StringComparer.OrdinalIgnoreCase)).Order(StringComparer.Ordinal).ToList()
            : [];
        return found.Count > 0 ? [.. found.Select(file => (file, label))] : throw new TrainingDataException($"'{path}' has no picture ({string.Join(", ", kinds)}). Every class needs one.");
    }

    /// <summary>Some of the pictures, decoded when they are asked for. Several threads may use it at once.</summary>
    public sealed class Pictures(IReadOnlyList<(string Path, int Label)> pictures)
    {
        private const int Colours = 3;

        /// <summary>How many there are.</summary>
        public int Count => pictures.Count;

        internal IEnumerable<string> Paths => pictures.Select(picture => picture.Path);

        /// <summary>The middle of each picture, and its class.</summary>
        /// <param name="samples">Numbers of the pictures.</param>
        /// <param name="size">Pixels of either side.</param>
        /// <returns>Inputs of N x 3 x size x size, from -1 to 1, and N labels.</returns>
        /// <exception cref="TrainingDataException">A picture cannot be read.</exception>
        public Examples ToExamples(int[] samples, int size) => ToExamples(samples, size, (_, picture) => PictureCut.Middle(picture.Width, picture.Height, 1));

        /// <summary>A part of each picture that follows from seed, epoch and picture, and its class.</summary>
        /// <inheritdoc cref="ToExamples(int[], int)"/>
        public Examples ToExamples(int[] samples, int size, Augmentation augmentation, ulong seed, long epoch) => ToExamples(samples, size, (sample, picture) =>
        {
            var random = new StepRandom(seed, (ulong)epoch, (ulong)sample);
            return augmentation.Draw(picture.Width, picture.Height, ref random);
        });

        private Examples ToExamples(int[] samples, int size, Func<int, Picture, PictureCut> cut)
        {
            Tensor images_NCHW = empty(samples.Length, Colours, size, size), labels_N = empty(samples.Length, dtype: int64);
            Span<float> values = MemoryMarshal.Cast<byte, float>(images_NCHW.bytes);
            var labels = MemoryMarshal.Cast<byte, long>(labels_N.bytes);
            var length = Colours * size * size;
            for (var i = 0; i < samples.Length; i++)
            {
                var picture = Picture.Read(pictures[samples[i]].Path);
                picture.CopyTo(cut(samples[i], picture), size, size, values.Slice(i * length, length));
                labels[i] = pictures[samples[i]].Label;
            }
            return new(images_NCHW, labels_N);
        }
    }
}

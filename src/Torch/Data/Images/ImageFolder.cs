using Granary.Training.Tasks;

namespace Granary.Torch.Data.Images;

/// <summary>
/// Pictures in folders that are named after their classes: <c>ants/1.jpg</c>. With folders <c>train</c> and <c>val</c> (or
/// <c>valid</c>, <c>test</c>) above them, the second is held out; otherwise every tenth picture of a class is.
/// </summary>
internal sealed class ImageFolder
{
    private const int HeldOutPart = 10;
    private static readonly string[] kinds = [".jpg", ".jpeg", ".png", ".bmp", ".gif", ".tga"], heldOutNames = ["val", "valid", "validation", "test"];

    private readonly Pictures training, heldOut;

    private ImageFolder(IReadOnlyList<string> classes, IReadOnlyList<(string Path, int Label)> training, IReadOnlyList<(string Path, int Label)> heldOut) =>
        (Classes, this.training, this.heldOut) = (classes, new(training), new(heldOut));

    /// <summary>The names of the classes; a label is an index into this list.</summary>
    public IReadOnlyList<string> Classes { get; }

    /// <summary>Pictures to learn from, decoded whenever they are asked for.</summary>
    public IImages Training => training;

    /// <summary>Pictures that are held out.</summary>
    public IImages HeldOut => heldOut;

    /// <summary>All of them.</summary>
    public IReadOnlyList<string> Paths => [.. training.Paths, .. heldOut.Paths];

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

    /// <summary>Pictures that lie in the folder itself, and have no classes.</summary>
    /// <returns><see langword="null"/>: there are fewer than ten.</returns>
    public static ImageFolder? Plain(string folder)
    {
        var pictures = Files(folder).Select((path, number) => (Picture: (path, 0), IsHeldOut: number % HeldOutPart == HeldOutPart - 1)).ToLookup(entry => entry.IsHeldOut, entry => entry.Picture);
        return pictures[true].Any() ? new([""], [.. pictures[false]], [.. pictures[true]]) : null;
    }

    private static IReadOnlyList<string> ClassesIn(string folder)
    {
        var classes = Directory.GetDirectories(folder).Select(name => Path.GetFileName(name)).Where(name => !name.StartsWith('.')).Order(StringComparer.Ordinal).ToList();
        return classes.Count > 1 ? classes : throw new TrainingDataException($"'{folder}' has {classes.Count} folders of pictures; two classes at least are needed, a folder each.");
    }

    private static IReadOnlyList<(string Path, int Label)> PicturesIn(string folder, string name, int label)
    {
        var path = Path.Combine(folder, name);
        var found = Directory.Exists(path) ? Files(path) : [];
        return found.Count > 0 ? [.. found.Select(file => (file, label))] : throw new TrainingDataException($"'{path}' has no picture ({string.Join(", ", kinds)}). Every class needs one.");
    }

    private static List<string> Files(string folder) => [.. Directory.GetFiles(folder).Where(file => kinds.Contains(Path.GetExtension(file), StringComparer.OrdinalIgnoreCase)).Order(StringComparer.Ordinal)];

    private sealed class Pictures(IReadOnlyList<(string Path, int Label)> pictures) : IImages
    {
        public int Count => pictures.Count;

        public IEnumerable<string> Paths => pictures.Select(picture => picture.Path);

        public int LabelOf(int number) => pictures[number].Label;

        public Picture Read(int number) => Picture.Read(pictures[number].Path);
    }
}

using System.Text.RegularExpressions;
using Granary.Training.Tasks;

namespace Granary.Torch.Data.Images;

/// <summary>Images to train on and images held out. Loaded once a process: replicas of all slots read the same memory.</summary>
/// <param name="Classes">Names of the classes, by number.</param>
/// <param name="Shape">Of all images; <see langword="null"/>: they are of many sizes.</param>
public sealed partial record ImageData(IImages Train, IImages HeldOut, IReadOnlyList<string> Classes, ImageShape? Shape) : IDataFormat
{
    private const int Usual = 128;
    private static readonly WeakCache<(Sources Sources, string Stamps), ImageData> loaded = new(key => key.Sources.Read());
    private static readonly WeakCache<DrawnImages, ImageData> drawn = new(Draw);

    /// <param name="path">
    /// A folder with MNIST's file names (held out is its <c>t10k</c> set); a folder with CIFAR's binary files (held out are those whose
    /// name begins with <c>test</c>); a file of either format (held out is its last tenth); a folder that has a folder of pictures for each class,
    /// or folders <c>train</c> and <c>val</c> of such (else held out is every tenth); <see langword="null"/>: images that are drawn.
    /// </param>
    /// <param name="otherwise">What is drawn.</param>
    /// <exception cref="TrainingDataException"/>
    public static ImageData Load(string? path, DrawnImages otherwise = DrawnImages.Digits)
    {
        if (path is null)
        {
            return drawn.Get(otherwise);
        }
        var sources = Sources.At(path);
        return loaded.Get((sources, FileStamps.Of(sources.Paths)));
    }

    /// <summary>Images for a model that is trained already: their classes have its numbers.</summary>
    /// <param name="known">The model's classes. The images' may be some of these; where they have no names, their numbers are the model's.</param>
    /// <exception cref="TrainingDataException">The data are missing or damaged, or have a class that the model does not know.</exception>
    internal static ImageData Load(string? path, DrawnImages otherwise, IReadOnlyList<string> known)
    {
        var found = Load(path, otherwise);
        if (found.Classes.SequenceEqual(known))
        {
            return found;
        }
        var numbers = known.Index().ToDictionary(entry => entry.Item, entry => entry.Index);
        var areNumbers = found.Classes.Index().All(entry => entry.Item == $"{entry.Index}") && !found.Classes.Any(numbers.ContainsKey);
        var labels = found.Classes.Select((name, number) => numbers.TryGetValue(name, out var own) ? own : areNumbers && number < known.Count ? number : -1).ToArray();
        var unknown = found.Classes.Where((_, number) => labels[number] < 0).Select(name => name.Length > 0 ? $"'{name}'" : "they have none").ToList();
        return unknown.Count == 0 ? new(new Relabelled(found.Train, labels), new Relabelled(found.HeldOut, labels), known, found.Shape) : throw new TrainingDataException(
            $"'{path}' has images of {(unknown.Count == 1 ? "a class" : "classes")} that the model does not know: {string.Join(", ", unknown)}. It knows {string.Join(", ", known)}.");
    }

    /// <summary>The files that <see cref="Load(string?, DrawnImages)"/> reads.</summary>
    /// <exception cref="TrainingDataException"/>
    public static IReadOnlyList<string> FilesAt(string path) => Sources.At(path).Paths;

    /// <summary>The shape in which a model takes the images.</summary>
    /// <param name="side">Pixels of either side; 0: as they are, or 128 where they are of many sizes.</param>
    public ImageShape ShapeFor(int side) => side == 0 && Shape is { } own ? own : new(Shape?.Colours ?? 3, side > 0 ? side : Usual, side > 0 ? side : Usual);

    private static ImageData Draw(DrawnImages what)
    {
        var (training, heldOut) = what.Count();
        var (train, rest) = (what.Draw(training, seed: 1), what.Draw(heldOut, seed: 2));
        return new(train, rest, what.Classes(), train.Shape);
    }

    private static string? Find(string folder, string name) => OneFile.In(folder, name, name + ".gz");

    /// <summary>Files of images of one shape, and where their labels are if that is elsewhere.</summary>
    private sealed record Source(string Name, Func<ImageSet> Read, params IEnumerable<string?> Files);

    /// <summary>Where images are, and how they are read. Two are equal if they read the same files.</summary>
    private sealed class Sources : IEquatable<Sources>
    {
        private const string TrainName = "train-images-idx3-ubyte", TestName = "t10k-images-idx3-ubyte";
        private readonly Func<ImageData> read;

        private Sources(IEnumerable<string?> paths, Func<ImageData> read) => (Paths, this.read) = ([.. paths.OfType<string>()], read);

        public IReadOnlyList<string> Paths { get; }

        public ImageData Read() => read();

        public bool Equals(Sources? other) => other is not null && Paths.SequenceEqual(other.Paths);

        public override bool Equals(object? other) => Equals(other as Sources);

        public override int GetHashCode() => Paths.Aggregate(0, HashCode.Combine);

        public static Sources At(string path)
        {
            path = Path.GetFullPath(path);
            if (File.Exists(path))
            {
                return Of(CifarName().IsMatch(Path.GetFileName(path)) ? Cifar([path]) : Idx(path), heldOut: null, names: CifarFile.NamesIn(Path.GetDirectoryName(path)!));
            }
            if (!Directory.Exists(path))
            {
                throw new TrainingDataException($"There is nothing at '{path}'. Give the path of a file of images, of a folder with MNIST's or CIFAR's files, or of one with a folder of pictures for each class, as the silo sees it.");
            }
            if (Find(path, TrainName) is { } train)
            {
                return Of(Idx(train), Find(path, TestName) is { } test ? Idx(test) : null, names: null);
            }
            // As the archives of CIFAR-10 and CIFAR-100 unpack.
            var folder = Directory.GetDirectories(path, "cifar-*").Order(StringComparer.Ordinal).FirstOrDefault() ?? path;
            var files = Directory.GetFiles(folder).Where(file => CifarName().IsMatch(Path.GetFileName(file))).Order(StringComparer.Ordinal).ToLookup(file => Path.GetFileName(file).StartsWith("test", StringComparison.Ordinal));
            if (files[false].Any())
            {
                return Of(Cifar([.. files[false]]), files[true].Any() ? Cifar([.. files[true]]) : null, CifarFile.NamesIn(folder));
            }
            var hasFolders = Directory.GetDirectories(path).Any(name => !Path.GetFileName(name).StartsWith('.'));
            if ((hasFolders ? ImageFolder.Find(path) : ImageFolder.Plain(path)) is { } pictures)
            {
                return new(pictures.Paths, () => pictures.HeldOut.Count > 0 ? new(pictures.Training, pictures.HeldOut, pictures.Classes, Shape: null) : throw new TrainingDataException(
                    $"'{path}' has {pictures.Training.Count} pictures in {pictures.Classes.Count} classes, and every tenth of a class is held out: none here. Give more, or folders 'train' and 'val'."));
            }
            var found = Directory.EnumerateFileSystemEntries(path).Select(Path.GetFileName).Order().Take(5).ToList();
            throw new TrainingDataException(
                $"'{path}' has no file {TrainName} or {TrainName}.gz, no .bin file of CIFAR, and neither folders of pictures nor ten pictures; it holds {(found.Count == 0 ? "nothing" : string.Join(", ", found))}. " +
                "Fetch one with 'granary data get mnist', or leave the path out to train on drawn images.");
        }

        private static Sources Of(Source train, Source? heldOut, string? names) => new([.. train.Files, .. heldOut?.Files ?? [], names], () =>
        {
            var all = train.Read();
            if (heldOut is null)
            {
                var tenth = all.Count / 10;
                return tenth > 0
                    ? From(all.Part(0, all.Count - tenth), all.Part(all.Count - tenth, tenth), names)
                    : throw new TrainingDataException($"The data hold {all.Count} images. At least 10 are needed, as every tenth is held out.");
            }
            var rest = heldOut.Read();
            return all.Shape == rest.Shape ? From(all, rest, names) : throw new TrainingDataException(
                $"'{train.Name}' holds images of {all.Shape}, '{heldOut.Name}' of {rest.Shape}. Give sets of one size.");
        });

        private static ImageData From(ImageSet train, ImageSet heldOut, string? names)
        {
            if (train.Labels.IsEmpty)
            {
                return new(train, heldOut, [""], train.Shape);
            }
            var count = 1 + Math.Max(train.Labels.ToArray().Max(), heldOut.Labels.IsEmpty ? 0 : heldOut.Labels.ToArray().Max());
            List<string> named = names is null ? [] : [.. TextLines.Read(names, longest: 100).Select(line => line.Line).Where(line => line.Length > 0)];
            return names is null || named.Count >= count
                ? new(train, heldOut, named.Count > 0 ? named : [.. Enumerable.Range(0, count).Select(number => $"{number}")], train.Shape)
                : throw new TrainingDataException($"'{names}' names {named.Count} classes, and there are images of class {count - 1}. Fetch both again, from one place.");
        }

        private static Source Cifar(IReadOnlyList<string> files) => new(files[0], () => CifarFile.Read(files), files);

        private static Source Idx(string images)
        {
            var (folder, name) = (Path.GetDirectoryName(images) ?? "", Path.GetFileName(images));
            name = name.EndsWith(".gz", StringComparison.Ordinal) ? name[..^".gz".Length] : name;
            var labels = name.Contains("images-idx3", StringComparison.Ordinal) ? Find(folder, name.Replace("images-idx3", "labels-idx1", StringComparison.Ordinal)) : null;
            return new(images, () => IdxFile.ReadLabelled(images, labels), images, labels);
        }
    }

    /// <param name="labels">The new number of each class.</param>
    private sealed class Relabelled(IImages images, int[] labels) : IImages
    {
        public int Count => images.Count;

        public int LabelOf(int number) => labels[images.LabelOf(number)];

        public Picture Read(int number) => images.Read(number);
    }

    [GeneratedRegex(@"\.bin(\.gz)?$")]
    private static partial Regex CifarName();
}

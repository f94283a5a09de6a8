using Granary.Training.Tasks;

namespace Granary.Torch.Data.Texts;

/// <summary>Where texts with labels lie.</summary>
/// <param name="Validation">Empty: a part of the training texts is held out.</param>
/// <param name="Test">Empty: there is no test.</param>
internal sealed record LabelledFiles(IReadOnlyList<LabelledFile> Training, IReadOnlyList<LabelledFile> Validation, IReadOnlyList<LabelledFile> Test)
{
    private static readonly string[] kinds = [".tsv", ".jsonl"], train = ["train"], validation = ["dev", "val", "valid", "validation"], test = ["test"];

    /// <summary>All of them.</summary>
    public IReadOnlyList<string> Paths => [.. Training.Concat(Validation).Concat(Test).Select(file => file.Path)];

    /// <param name="path">
    /// A .tsv or .jsonl file; or a folder with files <c>train</c>, <c>dev</c> (or <c>val</c>, <c>valid</c>, <c>validation</c>) and <c>test</c> of these kinds, or with one
    /// such file; or with folders <c>train</c> and <c>test</c> that have a folder of .txt files for each class; or with the files <c>rt-polarity.pos</c> and <c>.neg</c>.
    /// </param>
    /// <exception cref="TrainingDataException">There is nothing of the kind.</exception>
    public static LabelledFiles Find(string path)
    {
        if (File.Exists(path))
        {
            return IsTable(path) ? new([new(path)], [], []) : throw new TrainingDataException($"'{path}' is neither .tsv (a text, a tab, a label) nor .jsonl (an object a line).");
        }
        if (!Directory.Exists(path))
        {
            throw new TrainingDataException($"There is nothing at '{path}'. Give the path of texts with labels, a .tsv or .jsonl file or a folder with some, as the silo sees it.");
        }
        if (Folder(path, train) is { } folder)
        {
            return InFolders(path, folder);
        }
        string positive = Path.Combine(path, "rt-polarity.pos"), negative = Path.Combine(path, "rt-polarity.neg");
        if (File.Exists(positive) && File.Exists(negative))
        {
            return new([new(negative, "neg"), new(positive, "pos")], [], []);
        }
        if (Named(path, train) is { Count: > 0 } training)
        {
            return new(training, Named(path, validation), Named(path, test));
        }
        return Directory.GetFiles(path).Where(IsTable).ToList() is [var only] ? new([new(only)], [], []) : throw new TrainingDataException(
            $"'{path}' has no texts with labels: neither a train.tsv or train.jsonl, nor a single .tsv or .jsonl, nor folders train/CLASS with .txt files, nor rt-polarity.pos and rt-polarity.neg.");
    }

    private static LabelledFiles InFolders(string path, string training)
    {
        var (heldOut, tested) = (Folder(path, validation), Folder(path, test));
        // What only the training has, such as IMDb's 'unsup', is no class.
        var classes = ClassesIn(training).Where(name => tested is null || Directory.Exists(Path.Combine(tested, name))).ToList();
        IReadOnlyList<LabelledFile> Texts(string? folder) => folder is null ? [] : [.. classes.SelectMany(name => TextsIn(Path.Combine(folder, name), name))];
        return classes.Count > 1 ? new(Texts(training), Texts(heldOut), Texts(tested)) : throw new TrainingDataException(
            $"'{training}' has {classes.Count} folders of texts{(tested is null ? "" : $" that '{tested}' has, too")}; two classes at least are needed, a folder each.");
    }

    private static List<string> ClassesIn(string folder) =>
        [.. Directory.GetDirectories(folder).Select(name => Path.GetFileName(name)).Where(name => !name.StartsWith('.')).Order(StringComparer.Ordinal)];

    private static IEnumerable<LabelledFile> TextsIn(string folder, string label)
    {
        var found = Directory.Exists(folder) ? Directory.GetFiles(folder, "*.txt").Order(StringComparer.Ordinal).ToList() : [];
        return found.Count > 0 ? found.Select(file => new LabelledFile(file, label, IsOneText: true)) : throw new TrainingDataException($"'{folder}' has no .txt file. Every class needs one.");
    }

    private static string? Folder(string path, string[] names) => names.Select(name => Path.Combine(path, name)).FirstOrDefault(Directory.Exists);

    private static IReadOnlyList<LabelledFile> Named(string path, string[] names) =>
        OneFile.In(path, names.SelectMany(name => kinds.Select(kind => name + kind))) is { } found ? [new(found)] : [];

    private static bool IsTable(string path) => kinds.Contains(Path.GetExtension(path), StringComparer.OrdinalIgnoreCase);
}

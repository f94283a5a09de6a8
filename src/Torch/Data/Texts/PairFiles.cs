using Granary.Training.Tasks;

namespace Granary.Torch.Data.Texts;

/// <summary>Where pairs of sentences lie.</summary>
/// <param name="HeldOut"><see langword="null"/>: some of the training pairs are to be held out.</param>
internal sealed record PairFiles(string Training, string? HeldOut = null, string? Test = null)
{
    private const int LongestLine = 100_000;
    private static readonly string[] kinds = [".txt", ".tsv"], heldOutNames = ["dev", "valid", "validation", "val"];

    /// <summary>The files that are read.</summary>
    public IReadOnlyList<string> Paths => [.. new[] { Training, HeldOut, Test }.OfType<string>()];

    /// <param name="path">Of a file, or of a folder with <c>train.txt</c> or <c>train.tsv</c>, and perhaps <c>dev</c> (or <c>valid</c>) and <c>test</c> beside it.</param>
    /// <exception cref="TrainingDataException">There is nothing of the kind, or more than one.</exception>
    public static PairFiles Find(string path)
    {
        if (!Directory.Exists(path))
        {
            return File.Exists(path) ? new(path) : throw new TrainingDataException(
                $"There is nothing at '{path}'. Give a file whose lines are pairs of sentences with a tab between them, or a folder with train.txt, dev.txt and test.txt, as the silo sees it.");
        }
        return new(
            One(path, ["train"]) ?? throw new TrainingDataException($"'{path}' has no train.txt or train.tsv. Add one whose lines are pairs of sentences with a tab between them, or give the path of a file."),
            One(path, heldOutNames),
            One(path, ["test"]));
    }

    /// <summary>The two sides of each line that is not empty.</summary>
    /// <param name="source">A column, from 1.</param>
    /// <param name="target">A column, from 1.</param>
    /// <exception cref="TrainingDataException">A line lacks one of the columns, or the file cannot be read.</exception>
    public static IReadOnlyList<(string Source, string Target)> Read(string path, int source, int target)
    {
        var pairs = new List<(string, string)>();
        foreach (var (number, line) in TextLines.Read(path, LongestLine, trimmed: false))
        {
            if (!string.IsNullOrWhiteSpace(line))
            {
                var columns = line.Split('\t');
                pairs.Add((Column(columns, source, path, number), Column(columns, target, path, number)));
            }
        }
        return pairs.Count > 0 ? pairs : throw new TrainingDataException($"'{path}' holds no pairs of sentences. Give a file whose lines are pairs with a tab between them.");
    }

    private static string Column(string[] columns, int column, string path, int line) => column <= columns.Length && !string.IsNullOrWhiteSpace(columns[column - 1])
        ? columns[column - 1].Trim()
        : throw new TrainingDataException(
            $"Line {line} of '{path}' has nothing in column {column}: it has {columns.Length} column{(columns.Length == 1 ? "" : "s")}, with tabs between them. Mend the line, or choose others by --set source=... and target=...");

    private static string? One(string folder, string[] names) => OneFile.In(folder, names.SelectMany(name => kinds.Select(kind => name + kind)));
}

using System.Globalization;
using Granary.Training.Tasks;

namespace Granary.Torch.Data.Texts;

/// <summary>A text and its label.</summary>
/// <param name="Words">Numbers of words, at least one; see <see cref="LabelledTexts.Words"/>.</param>
/// <param name="Label">See <see cref="LabelledTexts.Labels"/>.</param>
public sealed record LabelledText(int[] Words, int Label);

/// <summary>How texts with labels are read.</summary>
/// <param name="MinCount">Words that stand less often in the training texts are unknown.</param>
/// <param name="Length">Words of a text that are kept; the rest is cut off.</param>
public sealed record LabelledOptions(int MinCount, int Length);

/// <summary>
/// Texts with labels, in up to three parts. Words and labels are those of the training part, unless a model brings its own. Immutable by
/// agreement: all replicas of a process share them.
/// </summary>
public sealed class LabelledTexts : IDataFormat
{
    private const int HeldOutPart = 10, MostLabels = 64;

    private static readonly WeakCache<(string Path, string Stamps, LabelledOptions Options), LabelledTexts> loaded =
        new(key => Read(key.Path, key.Options, known: null));

    private static readonly WeakCache<LabelledOptions, LabelledTexts> madeUp = new(options => new(MadeUpReviews.Write(), options, known: null));

    private LabelledTexts(Parts rows, LabelledOptions options, (Vocabulary Vocabulary, IReadOnlyList<string> Labels)? known)
    {
        var numbers = new TextNumbers();
        Labels = known?.Labels ?? LabelsOf(rows.Training);
        var isKnown = Labels.Index().ToDictionary(label => label.Item, label => label.Index);
        List<LabelledText> Numbered(IReadOnlyList<LabelledRow> part) => [.. part.Select(row => Read(row, numbers, options.Length, isKnown))];
        (Training, Validation, Test) = (Numbered(rows.Training), Numbered(rows.Validation), Numbered(rows.Test));
        Words = numbers.Words;
        Vocabulary = known?.Vocabulary ?? Vocabulary.Of(Words, Training.SelectMany(text => text.Words).ToArray(), minCount: options.MinCount);
    }

    /// <summary>All words of the texts, by number, known or not.</summary>
    public IReadOnlyList<string> Words { get; }

    /// <summary>The words that a model knows, by numbers of its own; its number 0 is every word that is not known.</summary>
    public Vocabulary Vocabulary { get; }

    /// <summary>The labels, by number.</summary>
    public IReadOnlyList<string> Labels { get; }

    /// <summary>Texts to learn from.</summary>
    public IReadOnlyList<LabelledText> Training { get; }

    /// <summary>Texts that are held out, and looked at during training.</summary>
    public IReadOnlyList<LabelledText> Validation { get; }

    /// <summary>Texts that are held out to the end; there may be none.</summary>
    public IReadOnlyList<LabelledText> Test { get; }

    /// <param name="path">See <see cref="LabelledFiles.Find"/>; <see langword="null"/>: reviews in a made-up language.</param>
    /// <exception cref="TrainingDataException">The data are missing or of another form.</exception>
    public static LabelledTexts Load(string? path, LabelledOptions options)
    {
        if (path is null)
        {
            return madeUp.Get(options);
        }
        var full = Path.GetFullPath(path);
        return loaded.Get((full, FileStamps.Of(LabelledFiles.Find(full).Paths), options));
    }

    /// <summary>Texts in the words and labels of a model that is trained already, split as for training.</summary>
    /// <exception cref="TrainingDataException">The data are missing, of another form, or have a label that the model does not know.</exception>
    public static LabelledTexts Load(string? path, LabelledOptions options, Vocabulary vocabulary, IReadOnlyList<string> labels) => path is null
        ? new(MadeUpReviews.Write(), options, (vocabulary, labels))
        : Read(Path.GetFullPath(path), options, (vocabulary, labels));

    /// <inheritdoc/>
    public static IReadOnlyList<string> FilesAt(string path) => LabelledFiles.Find(Path.GetFullPath(path)).Paths;

    /// <summary>Whether there are texts for the test, with labels. Data that are gone have none.</summary>
    public static bool HasTest(string? path)
    {
        try
        {
            return path is null || LabelledFiles.Find(path).Test.Any(file => file.HasLabels);
        }
        catch (TrainingDataException)
        {
            return false;
        }
    }

    private static LabelledTexts Read(string path, LabelledOptions options, (Vocabulary, IReadOnlyList<string>)? known)
    {
        static List<LabelledRow> RowsOf(IEnumerable<LabelledFile> files) => [.. files.SelectMany(file => file.Rows())];
        var files = LabelledFiles.Find(path);
        var (training, validation, test) = (RowsOf(files.Training), RowsOf(files.Validation), RowsOf(files.Test.Where(file => file.HasLabels)));
        if (files.Validation.Count == 0)
        {
            validation = [.. training.Where((_, number) => number % HeldOutPart == HeldOutPart - 1)];
            training = [.. training.Where((_, number) => number % HeldOutPart != HeldOutPart - 1)];
        }
        return training.Count > 0 && validation.Count > 0 ? new(new(training, validation, test), options, known) : throw new TrainingDataException(
            $"'{path}' has {training.Count} texts to learn from and {validation.Count} to be measured on. Give more; without a file of its own, a tenth is held out.");
    }

    private static IReadOnlyList<string> LabelsOf(IReadOnlyList<LabelledRow> training)
    {
        var labels = training.Select(row => row.Label).Distinct().Order(StringComparer.Ordinal).ToList();
        if (labels.All(label => int.TryParse(label, CultureInfo.InvariantCulture, out _)))
        {
            labels = [.. labels.OrderBy(label => int.Parse(label, CultureInfo.InvariantCulture))];
        }
        return labels.Count is > 1 and <= MostLabels ? labels : throw new TrainingDataException(
            $"The training texts, from {training[0].Where} on, have {labels.Count} different labels ('{labels[0]}'{(labels.Count > 1 ? $", '{labels[1]}', ..." : "")}); 2 to {MostLabels} can be learned. Is the label's column the right one?");
    }

    private static LabelledText Read(LabelledRow row, TextNumbers numbers, int length, Dictionary<string, int> labels)
    {
        var words = numbers.Read(row.Text, length);
        if (words.Length == 0)
        {
            throw new TrainingDataException($"{row.Where} has no words. Take it out, or give it a text.");
        }
        return labels.TryGetValue(row.Label, out var label) ? new(words, label) : throw new TrainingDataException(
            $"{row.Where} has the label '{row.Label}', which no text had that was learned from. Known: {string.Join(", ", labels.Keys)}.");
    }

    internal sealed record Parts(IReadOnlyList<LabelledRow> Training, IReadOnlyList<LabelledRow> Validation, IReadOnlyList<LabelledRow> Test);
}

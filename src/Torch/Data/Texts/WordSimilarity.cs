using System.Globalization;
using Granary.Training.Tasks;

namespace Granary.Torch.Data.Texts;

/// <summary>Pairs of words with the similarity that people gave them.</summary>
public sealed record SimilarityBenchmark(string Name, IReadOnlyList<(string First, string Second, double Score)> Pairs);

/// <summary>What word vectors are judged by: people's similarities and analogies. What is not there is left out.</summary>
public sealed class WordSimilarity
{
    private const string Analogies = "questions-words.txt";
    private const int LongestLine = 1000;

    private static readonly (string Name, string File, char Separator)[] files =
    [
        ("wordsim353", "wordsim353.csv", ','),
        ("simlex999", "simlex-999.txt", '\t'),
        ("men", "men.txt", '\t'),
    ];

    /// <summary>The benchmarks whose files were found.</summary>
    public IReadOnlyList<SimilarityBenchmark> Benchmarks { get; init; } = [];

    /// <summary>Questions of four words: the first is to the second as the third is to the fourth.</summary>
    public IReadOnlyList<string[]> Questions { get; init; } = [];

    /// <summary>The names that the files have to have.</summary>
    public static IReadOnlyList<string> FileNames { get; } = [.. files.Select(file => file.File), Analogies];

    /// <summary>Reads the files of the first folder that has any of them; nothing if no folder has.</summary>
    /// <exception cref="TrainingDataException">A file is of another kind.</exception>
    public static WordSimilarity Find(IEnumerable<string> folders) =>
        folders.FirstOrDefault(HasAny) is { } folder ? Read(folder) : new();

    /// <summary>Reads what the folder holds. All words become lower-case.</summary>
    /// <exception cref="TrainingDataException">The folder is not there or has none of the files, or a file is of another kind.</exception>
    public static WordSimilarity In(string folder) => HasAny(folder) ? Read(folder) : throw new TrainingDataException(
        $"'{Path.GetFullPath(folder)}' {(Directory.Exists(folder) ? "has" : "is no folder with")} none of {string.Join(", ", FileNames)}. Give the folder that has them.");

    /// <summary>Spearman's rank correlation; equal values share the mean of their ranks.</summary>
    public static double Spearman(IReadOnlyList<double> first, IReadOnlyList<double> second)
    {
        double[] a = Ranks(first), b = Ranks(second);
        var mean = (a.Length + 1) / 2.0;
        double product = 0, squaresA = 0, squaresB = 0;
        for (var i = 0; i < a.Length; i++)
        {
            product += (a[i] - mean) * (b[i] - mean);
            squaresA += (a[i] - mean) * (a[i] - mean);
            squaresB += (b[i] - mean) * (b[i] - mean);
        }
        return product / Math.Sqrt(squaresA * squaresB);
    }

    private static double[] Ranks(IReadOnlyList<double> values)
    {
        var order = Enumerable.Range(0, values.Count).OrderBy(i => values[i]).ToArray();
        var ranks = new double[order.Length];
        for (int start = 0, end = 0; start < order.Length; start = end)
        {
            while (end < order.Length && values[order[end]] == values[order[start]])
            {
                end++;
            }
            foreach (var i in order.AsSpan(start..end))
            {
                ranks[i] = (start + 1 + end) / 2.0;
            }
        }
        return ranks;
    }

    private static bool HasAny(string folder) => FileNames.Any(name => File.Exists(Path.Combine(folder, name)));

    private static WordSimilarity Read(string folder) => new()
    {
        Benchmarks = [.. from file in files
                         let path = Path.Combine(folder, file.File)
                         where File.Exists(path)
                         select new SimilarityBenchmark(file.Name, ReadPairs(path, file.Separator))],
        Questions = Path.Combine(folder, Analogies) is var questions && File.Exists(questions) ? ReadQuestions(questions) : [],
    };

    private static List<(string, string, double)> ReadPairs(string path, char separator)
    {
        var pairs = new List<(string, string, double)>();
        foreach (var (number, line) in TextLines.Read(path, LongestLine))
        {
            var fields = line.ToLowerInvariant().Split(separator, StringSplitOptions.TrimEntries);
            if (fields is [{ Length: > 0 } first, { Length: > 0 } second, var text, ..] && double.TryParse(text, CultureInfo.InvariantCulture, out var score) && double.IsFinite(score))
            {
                pairs.Add((first, second, score));
            }
            else if (line.Length > 0 && number > 1) // the first line may name the columns
            {
                throw new TrainingDataException($"'{path}' has a line '{line}', but a line is two words and a number with '{separator}' between them. Replace the file, or take it away to do without.");
            }
        }
        return pairs.Count > 0 ? pairs : throw new TrainingDataException($"'{path}' holds no pairs of words. Replace the file, or take it away to do without.");
    }

    // Lines with a colon name the kind of the questions below them.
    private static List<string[]> ReadQuestions(string path)
    {
        var questions = new List<string[]>();
        foreach (var (_, line) in TextLines.Read(path, LongestLine))
        {
            if (line.Length == 0 || line.StartsWith(':'))
            {
                continue;
            }
            var words = line.ToLowerInvariant().Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries);
            questions.Add(words.Length == 4 ? words : throw new TrainingDataException(
                $"'{path}' has a line '{line}', but a question is four words, and a line that is none begins with a colon. Replace the file, or take it away to do without."));
        }
        return questions.Count > 0 ? questions : throw new TrainingDataException($"'{path}' holds no questions. Replace the file, or take it away to do without.");
    }
}

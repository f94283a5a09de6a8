using System.Globalization;
using Granary.Training.Tasks;

namespace Granary.Models.Data;

/// <summary>Pairs of words with the similarity that people gave them.</summary>
public sealed record SimilarityBenchmark(string Name, IReadOnlyList<(string First, string Second, double Score)> Pairs);

/// <summary>What word vectors are judged by: people's similarities and analogies. What is not there is left out.</summary>
public sealed class WordSimilarity
{
    private const string Analogies = "questions-words.txt";

    private static readonly (string Name, string File, char Separator)[] files =
    [
        ("wordsim353", "wordsim353.csv", ','),
        ("simlex999", "simlex-999.txt", '\t'),
        ("men", "men.txt", '\t'),
    ];

    public IReadOnlyList<SimilarityBenchmark> Benchmarks { get; init; } = [];

    /// <summary>Questions of four words: the first is to the second as the third is to the fourth.</summary>
    public IReadOnlyList<string[]> Questions { get; init; } = [];

    /// <summary>Reads what the first of the folders holds that has any of the files. All words become lower-case.</summary>
    /// <exception cref="TrainingDataException">A file is of another kind.</exception>
    public static WordSimilarity Find(IEnumerable<string> folders)
    {
        var names = files.Select(file => file.File).Append(Analogies).ToArray();
        if (folders.FirstOrDefault(folder => names.Any(name => File.Exists(Path.Combine(folder, name)))) is not { } folder)
        {
            return new();
        }
        var questions = Path.Combine(folder, Analogies);
        return new()
        {
            Benchmarks = [.. from file in files
                             let path = Path.Combine(folder, file.File)
                             where File.Exists(path)
                             select new SimilarityBenchmark(file.Name, ReadPairs(path, file.Separator))],
            Questions = File.Exists(questions) ? ReadQuestions(questions) : [],
        };
    }

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

    private static (string, string, double)[] ReadPairs(string path, char separator) =>
        [.. File.ReadLines(path).Skip(1).Where(line => line.Length > 0).Select(line =>
            line.ToLowerInvariant().Split(separator) is [var first, var second, var text, ..] && double.TryParse(text, CultureInfo.InvariantCulture, out var score)
                ? (first, second, score)
                : throw new TrainingDataException($"'{path}' has a line '{line}', but a line is two words and a number with '{separator}' between them. Replace the file, or take it away to do without."))];

    // Lines with a colon name the kind of the questions below them.
    private static string[][] ReadQuestions(string path) =>
        [.. File.ReadLines(path).Where(line => !line.StartsWith(':')).Select(line => line.ToLowerInvariant().Split(' ')).Where(words => words.Length == 4)];
}

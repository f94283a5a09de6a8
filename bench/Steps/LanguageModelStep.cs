using System.Globalization;
using Granary.Models;
using Granary.Torch;
using Granary.Training.Randomness;
using Granary.Training.Tasks;

namespace Granary.Bench.Steps;

/// <summary>
/// The <c>lm</c> task on a text whose 10,000 words are all equally frequent: 200 units in each of two layers, 32 rows of 32
/// words a step, dropout 0.5, the norm of the gradient at most 5.
/// </summary>
internal static class LanguageModelStep
{
    private const int Words = 12_000, TextLength = 200_000;

    public static ITrainingTask Task { get; } = LearnerTask.Of<LanguageModel>();

    /// <param name="settings">Besides those that the peers share.</param>
    public static TrainingSpec SpecWith(string folder, params IEnumerable<(string Name, string Value)> settings) => new()
    {
        Task = Task.Name,
        Shards = 1,
        Steps = long.MaxValue / 2,
        Data = Text(folder),
        Settings = new[] { ("clip", "5"), ("validate-every", $"{int.MaxValue}"), ("sample-words", "1") }.Concat(settings).ToDictionary(),
    };

    private static string Text(string folder)
    {
        var path = Path.Combine(folder, "train.txt");
        if (!File.Exists(path))
        {
            var random = new StepRandom(1);
            using var text = new StreamWriter(path);
            for (var i = 0; i < TextLength; i++)
            {
                text.Write(string.Create(CultureInfo.InvariantCulture, $"w{random.Next(Words)} "));
            }
            File.Copy(path, Path.Combine(folder, "valid.txt"));
            File.Copy(path, Path.Combine(folder, "test.txt"));
        }
        return folder;
    }
}

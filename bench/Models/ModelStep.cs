using Granary.Training.Randomness;
using Granary.Training.Tasks;

namespace Granary.Bench.Models;

/// <summary>A model of a size at which its steps are measured. <c>bench/peers/train_models.py</c> has the same, and so does <see cref="Plain.PlainModel"/>.</summary>
/// <param name="Settings">Of the task, as <c>--set</c> has them, with blanks between.</param>
/// <param name="WriteData">Writes data whose every batch has the same shape, and gives their path; <see langword="null"/>: built-in ones.</param>
internal sealed record ModelStep(string Name, string Task, string Settings, Func<string, string>? WriteData = null)
{
    public static IReadOnlyList<ModelStep> All { get; } =
    [
        new("cnn", "cnn", ""),
        new("resnet", "resnet", "width=32"),
        new("transfer", "transfer", "body=imagenet size=128"),
        new("style", "style", "size=128"),
        new("dcgan", "dcgan", "size=32 maps=32"),
        new("sentiment, averaged words", "sentiment", "model=wordavg min-count=1", Reviews),
        new("sentiment, convolutions", "sentiment", "model=cnn min-count=1", Reviews),
        new("sentiment, LSTM", "sentiment", "model=rnn min-count=1", Reviews),
        new("sentiment, GRU", "sentiment", "model=rnn cell=gru min-count=1", Reviews),
        new("seq2seq, plain", "seq2seq", "attention=none min-count=1 source-tokens=words target-tokens=words bleu-sentences=-1", Pairs),
        new("seq2seq, Luong", "seq2seq", "min-count=1 source-tokens=words target-tokens=words bleu-sentences=-1", Pairs),
        new("elmo", "elmo", "vocabulary=5000 batch=32 bptt=32 width=128", folder => Text(folder, "elmo.txt", 120_000, number => $"w{number % 5000} ")),
        new("bert", "bert", "", folder => Text(folder, "bert.txt", 200_000, number => $"{(char)(33 + number % 65)}")),
        new("gpt", "gpt", "", folder => Text(folder, "gpt.txt", 200_000, number => $"{(char)(33 + number % 65)}")),
    ];

    public TrainingSpec SpecIn(string folder) => new()
    {
        Task = Task,
        Shards = 1,
        Steps = 1_000_000,
        Data = WriteData?.Invoke(folder),
        Settings = Settings.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(setting => setting.Split('=')).ToDictionary(pair => pair[0], pair => pair[1]),
    };

    /// <summary>Texts of 20 words out of 8,000.</summary>
    private static string Reviews(string folder) => Rows(folder, "reviews.tsv", 4000, (row, words) => $"{words(20, 8000)}\t{row % 2}");

    /// <summary>Sentences of 8 words out of 6,000, and of 12 out of 2,500.</summary>
    private static string Pairs(string folder) => Rows(folder, "pairs.tsv", 10_000, (_, words) => $"{words(8, 6000)}\t{words(12, 2500)}");

    private static string Rows(string folder, string name, int count, Func<int, Func<int, int, string>, string> row)
    {
        var random = new StepRandom(1);
        // Words of letters alone, whatever cuts texts into words.
        string Words(int length, int vocabulary) => string.Join(' ', Enumerable.Range(0, length).Select(_ => string.Concat($"{random.Next(vocabulary)}".Select(digit => (char)('a' + digit - '0')))));
        var path = Path.Combine(folder, name);
        File.WriteAllLines(path, Enumerable.Range(0, count).Select(number => row(number, Words)));
        return path;
    }

    private static string Text(string folder, string name, int length, Func<int, string> word)
    {
        var random = new StepRandom(1);
        var path = Path.Combine(folder, name);
        File.WriteAllText(path, string.Concat(Enumerable.Range(0, length).Select(_ => word(random.Next(1 << 30)))));
        return path;
    }
}

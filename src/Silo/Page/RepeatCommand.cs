using System.Globalization;
using Granary.Training.Runs;
using Granary.Training.Tasks;

namespace Granary.Silo.Page;

/// <summary>The command line that makes a run again: all that its weights depend on, and where it trains.</summary>
internal static class RepeatCommand
{
    private const string Plain = "_./:=,@%+-";

    public static string Of(RunSpec spec, TaskCatalog tasks)
    {
        var defaults = tasks.Tasks.FirstOrDefault(task => task.Name == spec.Task) is { } known ? TaskSettings.Describe(known).ToDictionary(setting => setting.Name, setting => setting.Default) : [];
        List<string> words = ["granary", "train", spec.Task, "--seed", Text(spec.Seed), "--shards", Text(spec.Shards), "--workers", Text(spec.Workers), "--device", spec.Device];
        Add("--steps", spec.Steps is { } steps ? Text(steps) : null);
        Add("--epochs", spec.Epochs is { } epochs ? Text(epochs) : null);
        Add("--data", spec.Data);
        Add("--init", spec.Init);
        foreach (var rule in spec.InitMap)
        {
            Add("--map", rule);
        }
        foreach (var (name, value) in spec.Settings.Where(setting => defaults.GetValueOrDefault(setting.Key) != setting.Value).OrderBy(setting => setting.Key, StringComparer.Ordinal))
        {
            Add("--set", $"{name}={value}");
        }
        return string.Join(' ', words.Select(Quoted));

        void Add(string option, string? value) => words.AddRange(value is null ? [] : [option, value]);
    }

    private static string Text(IFormattable number) => number.ToString(null, CultureInfo.InvariantCulture);

    /// <summary>As a shell takes it for one word.</summary>
    private static string Quoted(string word) => word.Length > 0 && word.All(letter => char.IsAsciiLetterOrDigit(letter) || Plain.Contains(letter)) ? word : $"'{word.Replace("'", @"'\''", StringComparison.Ordinal)}'";
}

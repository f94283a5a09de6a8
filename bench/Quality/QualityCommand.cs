using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using Granary.Bench.Measurement;
using Granary.Training;

namespace Granary.Bench.Quality;

/// <summary><c>bench/quality</c>: trains what PyTorch's results are known of, each with two seeds, and prints both.</summary>
internal static class QualityCommand
{
    public static Command Create()
    {
        var only = new Option<string?>("--only") { Description = "Only cases whose name contains this." };
        var data = new Option<string?>("--data") { Description = "Folder of the data sets. Default: GRANARY_DATA." };
        var seeds = new Option<int>("--seeds") { Description = "How many seeds, from 1.", DefaultValueFactory = _ => 2 };
        var output = new Option<string>("--out") { Description = "Where the runs go.", DefaultValueFactory = _ => "runs/quality" };
        var command = new Command("quality", "Trains each model on real data and prints its results beside PyTorch's.") { only, data, seeds, output };
        command.SetAction(parsed => Run(
            parsed.GetValue(only),
            parsed.GetValue(data) ?? EnvironmentVariable.Read(EnvironmentVariable.Data) ?? throw new BenchmarkException("These trainings need real data: --data FOLDER, or GRANARY_DATA. 'granary data get NAME' brings them."),
            parsed.GetValue(seeds),
            parsed.GetValue(output)!));
        return command;
    }

    private static void Run(string? only, string data, int seeds, string output)
    {
        var cases = QualityCase.All.Where(known => only is null || known.Name.Contains(only, StringComparison.OrdinalIgnoreCase)).ToList();
        if (cases.Count == 0)
        {
            throw new BenchmarkException($"No case has '{only}' in its name. Known: {string.Join("; ", QualityCase.All.Select(known => known.Name))}.");
        }
        var table = new TextTable(["training", "measured", .. Enumerable.Range(1, seeds).Select(seed => $"seed {seed}"), "PyTorch 2.6", "seconds", "weights, seed 1"]);
        foreach (var known in cases)
        {
            var runs = Enumerable.Range(1, seeds).Select(seed => Train(known, data, seed, output)).ToList();
            table.Add([known.Name, string.Join(", ", known.Metrics), .. runs.Select(run => string.Join(", ", known.Metrics.Select(run.Metric))), known.Reference, $"{runs.Average(run => run.Seconds):0}", runs[0].Weights[..8]]);
            Console.Error.WriteLine(table);
        }
        Console.WriteLine(table);
    }

    private static Result Train(QualityCase known, string data, int seed, string output)
    {
        var directory = Path.Combine(output, $"{string.Concat(known.Name.Select(letter => char.IsAsciiLetterOrDigit(letter) ? letter : '-'))}-{seed}");
        if (Directory.Exists(directory))
        {
            Directory.Delete(directory, recursive: true);
        }
        var summary = Path.Combine(Path.GetFullPath(output), $"{Path.GetFileName(directory)}.json");
        string[] arguments =
        [
            "train", .. known.Arguments.Split(' ').Select(word => word.Replace("@", Path.GetFullPath(data) + Path.DirectorySeparatorChar, StringComparison.Ordinal)), "--workers", "1", "--seed", $"{seed}",
            .. known.Data.Length > 0 ? ["--data", Path.Combine(data, known.Data)] : Array.Empty<string>(), "--out", directory, "--summary", summary, "--quiet",
        ];
        Console.Error.WriteLine($"granary {string.Join(' ', arguments)}");
        using var process = Process.Start(new ProcessStartInfo(Path.Combine(AppContext.BaseDirectory, "granary"), arguments))!;
        process.WaitForExit();
        return process.ExitCode == 0 ? Result.Read(summary) : throw new BenchmarkException($"{known.Name}, seed {seed}: the training ended with exit code {process.ExitCode}.");
    }

    private sealed record Result(IReadOnlyDictionary<string, double> Metrics, double Seconds, string Weights)
    {
        public static Result Read(string summary)
        {
            using var document = JsonDocument.Parse(File.ReadAllText(summary));
            var root = document.RootElement;
            return new(root.GetProperty("metrics").Deserialize<Dictionary<string, double>>()!, root.GetProperty("seconds").GetDouble(), root.GetProperty("weights_sha256").GetString()!);
        }

        public string Metric(string name) => Metrics.TryGetValue(name, out var value) ? value.ToString("G4", CultureInfo.InvariantCulture) : "none";
    }
}

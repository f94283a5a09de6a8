using System.CommandLine;
using Granary.Bench.Measurement;
using Granary.Training;
using Granary.Training.Files;

namespace Granary.Bench;

/// <summary><c>granary bench NAME</c>: a table of figures, and JSON for scripts.</summary>
internal static class BenchmarkCommand
{
    public static Command Create(IBenchmark benchmark)
    {
        var options = new BenchmarkOptions();
        var json = new Option<string?>("--json") { Description = "Write the figures as JSON into this file." };
        var command = new Command(benchmark.Name, benchmark.Summary) { options.Seconds, options.Data, options.Only, json };
        command.SetAction(async (parsed, _) =>
        {
            if (parsed.GetValue(json) is { } figures)
            {
                OutputFile.Check(json.Name, figures);
            }
            var report = new Report(benchmark.Name);
            await benchmark.RunAsync(options.Read(parsed, report));
            if (report.Figures.Count == 0)
            {
                throw new BenchmarkException($"No case of {benchmark.Name} has '{parsed.GetValue(options.Only)}' in its name. Without --only all are measured, and named.");
            }
            report.Print(benchmark.Switches);
            if (parsed.GetValue(json) is { } file)
            {
                report.Write(file, benchmark.Switches);
            }
        });
        return command;
    }
}

/// <summary>The options that measuring and comparing share.</summary>
internal sealed class BenchmarkOptions
{
    public Option<double> Seconds { get; } = new("--seconds") { Description = "How long each case is measured, about. Below 1 it is a trial, which only shows that all runs: nothing is warmed up, and its figures mean nothing.", DefaultValueFactory = _ => 3 };

    public Option<string?> Data { get; } = new("--data") { Description = "Folder of the data sets. Default: GRANARY_DATA, else the built-in ones where that makes sense." };

    public Option<string?> Only { get; } = new("--only") { Description = "Only cases whose name contains this." };

    public BenchmarkRun Read(ParseResult parsed, Report report)
    {
        var seconds = parsed.GetValue(Seconds);
        if (!(seconds > 0 && seconds <= 3600))
        {
            throw new BenchmarkException($"--seconds {seconds} is not between 0 and 3600.");
        }
        var data = parsed.GetValue(Data) ?? EnvironmentVariable.Read(EnvironmentVariable.Data);
        // In full: the peers run in a folder of their own.
        return data is null || Directory.Exists(data)
            ? new(seconds, data is null ? null : Path.GetFullPath(data), parsed.GetValue(Only), report)
            : throw new BenchmarkException($"--data {data} is no folder.");
    }
}

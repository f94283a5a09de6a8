using System.CommandLine;
using System.Diagnostics;
using Granary.Bench.Measurement;
using Granary.Training.Files;

namespace Granary.Bench.Comparing;

/// <summary><c>bench/compare NAME</c>: ours and each peer in turn, several rounds, so that a busy moment strikes all of them.</summary>
internal static class CompareCommand
{
    private const int LeastRounds = 5;

    public static Command Create(IEnumerable<IBenchmark> benchmarks)
    {
        var comparable = benchmarks.Where(benchmark => benchmark.Peers.Count > 0).ToList();
        var name = new Argument<string>("name") { Description = $"What to compare: {string.Join(", ", comparable.Select(benchmark => benchmark.Name))}." };
        var rounds = new Option<int>("--rounds") { Description = "How often everybody is measured.", DefaultValueFactory = _ => LeastRounds };
        var peers = new Option<string?>("--peers") { Description = "Only peers whose name contains this." };
        var json = new Option<string?>("--json") { Description = "Write all rounds as JSON into this file." };
        var options = new BenchmarkOptions();
        var command = new Command("compare", "Runs a benchmark and its peers in turn; prints medians and ratios.") { name, rounds, peers, options.Seconds, options.Data, options.Only, json };
        command.SetAction(async (parsed, _) =>
        {
            var benchmark = comparable.FirstOrDefault(known => known.Name == parsed.GetValue(name))
                ?? throw new BenchmarkException($"Nothing named '{parsed.GetValue(name)}' has peers. Known: {string.Join(", ", comparable.Select(known => known.Name))}.");
            var chosen = benchmark.Peers.Where(peer => parsed.GetValue(peers) is not { } only || peer.Name.Contains(only, StringComparison.OrdinalIgnoreCase)).ToList();
            if (chosen.Count == 0)
            {
                throw new BenchmarkException($"No peer of {benchmark.Name} is named '{parsed.GetValue(peers)}'. Known: {string.Join(", ", benchmark.Peers.Select(peer => peer.Name))}.");
            }
            var count = parsed.GetValue(rounds);
            if (count < 1)
            {
                throw new BenchmarkException($"--rounds {count} is less than 1.");
            }
            if (parsed.GetValue(json) is { } rows)
            {
                OutputFile.Check(json.Name, rows);
            }
            var comparison = new Comparison(benchmark.Name, chosen);
            var run = options.Read(parsed, new(benchmark.Name));
            for (var round = 0; round < count; round++)
            {
                Console.Error.WriteLine($"Round {round + 1} of {count}");
                await RunRoundAsync(comparison, chosen, run, round);
            }
            if (run.IsTrial)
            {
                Console.WriteLine("A trial, as --seconds is below 1: Granary is not warmed up, and the figures mean nothing.");
            }
            comparison.Print();
            if (parsed.GetValue(json) is { } file)
            {
                comparison.Write(file);
            }
        });
        return command;
    }

    /// <summary>Every second round goes backwards, so that nobody always comes after the same other.</summary>
    private static async Task RunRoundAsync(Comparison comparison, IReadOnlyList<Peer> peers, BenchmarkRun run, int round)
    {
        var turns = new List<Func<Task>> { async () => comparison.Ours(await RunOursAsync(comparison.Benchmark, run)) };
        turns.AddRange(peers.Select(peer => (Func<Task>)(async () => comparison.Theirs(peer, await peer.RunAsync(run)))));
        if (round % 2 == 1)
        {
            turns.Reverse();
        }
        foreach (var turn in turns)
        {
            await turn();
        }
    }

    /// <summary>In a process of its own, as the peers are.</summary>
    private static async Task<Report.Document> RunOursAsync(string benchmark, BenchmarkRun run)
    {
        var file = Path.GetTempFileName();
        try
        {
            List<string> arguments = [benchmark, "--seconds", $"{run.Seconds}", "--json", file];
            arguments.AddRange(run.Data is { } data ? ["--data", data] : []);
            arguments.AddRange(run.Only is { } only ? ["--only", only] : []);
            using var process = Process.Start(new ProcessStartInfo(Environment.ProcessPath!, arguments) { RedirectStandardOutput = true })!;
            await process.StandardOutput.ReadToEndAsync();
            await process.WaitForExitAsync();
            return process.ExitCode == 0 ? Report.Read(file) : throw new BenchmarkException($"The benchmark {benchmark} failed.");
        }
        finally
        {
            File.Delete(file);
        }
    }
}

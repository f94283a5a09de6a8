using System.Text.Json;

namespace Granary.Cluster.Tests;

/// <summary>Every benchmark runs. What it measures in so short a time decides nothing.</summary>
public class BenchTests
{
    private static readonly string program = Path.Combine(AppContext.BaseDirectory, "granary-bench");

    [Theory]
    [InlineData("exchange", "4 processes, shared memory, 1 MiB", "4 processes, shared memory, 1 MiB")]
    [InlineData("step", "gpt", "gpt")]
    [InlineData("overhead", "two-layer", "two-layer worker slower by")]
    [InlineData("word2vec", "2 workers", "2 workers")]
    [InlineData("checkpoint", "1 M", "1 M parameters with Adam: pause")]
    public Task Benchmark_ForAMoment_WritesItsFigures(string benchmark, string only, string figure) => RunAsync(benchmark, only, figure);

    [LongTheory]
    [InlineData("scaling", "2 workers, 2 processes", "2 workers, 2 processes")]
    [InlineData("control", "64 simulated", "64 simulated workers: control plane, processor time a step")]
    public Task BenchmarkOfAWholeCluster_ForAMoment_WritesItsFigures(string benchmark, string only, string figure) => RunAsync(benchmark, only, figure);

    private static async Task RunAsync(string benchmark, string only, string figure)
    {
        var file = Path.GetTempFileName();
        try
        {
            using var process = CommandLine.Start(program, [benchmark, "--seconds", "0.05", "--only", only, "--json", file]);
            var result = await CommandLine.EndAsync(process);
            Assert.True(result.ExitCode == 0, result.Error);
            using var report = JsonDocument.Parse(File.ReadAllText(file));
            var figures = report.RootElement.GetProperty("figures").EnumerateArray().ToDictionary(figure => figure.GetProperty("case").GetString()!, figure => figure.GetProperty("value").GetDouble());
            Assert.Contains(figure, figures.Keys);
            Assert.All(figures.Values, value => Assert.True(double.IsFinite(value)));
            Assert.Contains(figure, result.Output);
        }
        finally
        {
            File.Delete(file);
        }
    }

    [Fact]
    public async Task Compare_ForAMoment_MeasuresThePeerAndSaysThatItIsATrial()
    {
        using var process = CommandLine.Start(program, ["compare", "models", "--rounds", "1", "--seconds", "0.05", "--peers", "TorchSharp", "--only", "averaged words"]);
        var result = await CommandLine.EndAsync(process);
        Assert.True(result.ExitCode == 0, result.Error);
        Assert.StartsWith("A trial", result.Output);
        Assert.Contains("times as fast as TorchSharp alone", result.Output);
    }

    [Theory]
    [InlineData("--seconds 0 is not", "exchange", "--seconds", "0")]
    [InlineData("--data /nowhere is no folder", "scaling", "--data", "/nowhere")]
    [InlineData("No case of checkpoint has 'nothing' in its name", "checkpoint", "--only", "nothing")]
    [InlineData("Could not find file '/nowhere.json'", "plot", "/nowhere.json", "/tmp/never.svg")]
    [InlineData("Nothing named 'control' has peers", "compare", "control")]
    [InlineData("No peer of exchange is named 'nccl'", "compare", "exchange", "--peers", "nccl")]
    public async Task Benchmark_AskedForWhatIsNotThere_SaysSo(string expected, params string[] arguments)
    {
        using var process = CommandLine.Start(program, arguments);
        var result = await CommandLine.EndAsync(process);
        Assert.NotEqual(0, result.ExitCode);
        Assert.Contains(expected, result.Error);
    }
}

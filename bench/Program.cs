using System.CommandLine;
using Granary.Bench;
using Granary.Bench.Checkpoints;
using Granary.Bench.Comparing;
using Granary.Bench.Control;
using Granary.Bench.Exchange;
using Granary.Bench.Scaling;

IBenchmark[] benchmarks = [new ExchangeBenchmark(), new ScalingBenchmark(), new CheckpointBenchmark(), new ControlBenchmark()];
var root = new RootCommand("Measures Granary on this machine; compare runs it and its peers in turn.");
foreach (var benchmark in benchmarks)
{
    root.Add(BenchmarkCommand.Create(benchmark));
}
root.Add(CompareCommand.Create(benchmarks));
root.Add(ProcessCommand.Create());
try
{
    return await root.Parse(args).InvokeAsync(new() { EnableDefaultExceptionHandler = false });
}
catch (BenchmarkException error)
{
    Console.Error.WriteLine($"granary bench: {error.Message}");
    return 1;
}

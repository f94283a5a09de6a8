using System.CommandLine;
using Granary.Bench;
using Granary.Bench.Checkpoints;
using Granary.Bench.Comparing;
using Granary.Bench.Control;
using Granary.Bench.Exchange;
using Granary.Bench.Models;
using Granary.Bench.Models.Plain;
using Granary.Bench.Pages;
using Granary.Bench.Plots;
using Granary.Bench.Quality;
using Granary.Bench.Rooms;
using Granary.Bench.Scaling;
using Granary.Bench.Steps;
using Granary.Bench.Word2Vec;
using Granary.Silo.Settings;
using Granary.Training.Tasks;

IBenchmark[] benchmarks = [new ExchangeBenchmark(), new StepBenchmark(), new OverheadBenchmark(), new Word2VecBenchmark(kinds: false), new Word2VecBenchmark(kinds: true), new ScalingBenchmark(), new CheckpointBenchmark(), new ControlBenchmark(), new ModelsBenchmark(), new ProductsBenchmark(), new PageBenchmark()];
var root = new RootCommand("Measures Granary on this machine; compare runs it and its peers in turn.");
foreach (var benchmark in benchmarks)
{
    root.Add(BenchmarkCommand.Create(benchmark));
}
root.Add(CompareCommand.Create(benchmarks));
root.Add(ProcessCommand.Create());
root.Add(PlainCommand.Create());
root.Add(VectorsCommand.Create());
root.Add(PlotCommand.Create());
root.Add(PicturesCommand.Create());
root.Add(QualityCommand.Create());
root.Add(RoomsCommand.Create());
try
{
    return await root.Parse(args).InvokeAsync(new() { EnableDefaultExceptionHandler = false });
}
catch (Exception error) when (error is BenchmarkException or TrainingDataException or TaskSettingException or ClusterStartException or IOException)
{
    Console.Error.WriteLine($"granary bench: {error.Message}");
    return 1;
}

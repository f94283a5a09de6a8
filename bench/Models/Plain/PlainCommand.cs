using System.CommandLine;
using System.Text.Json;
using Granary.Bench.Measurement;
using TorchSharp;

namespace Granary.Bench.Models.Plain;

/// <summary>The peer of <c>bench/compare models</c> that is written with TorchSharp alone, libtorch as it comes; started by comparing, not by people.</summary>
internal static class PlainCommand
{
    public const string Name = "plain-models";

    public static Command Create()
    {
        var seconds = new Argument<double>("seconds");
        var only = new Option<string>("--only") { DefaultValueFactory = _ => "" };
        var command = new Command(Name, "A training step of each model, with TorchSharp alone.") { seconds, only };
        command.Hidden = true;
        command.SetAction(parsed => Run(parsed.GetValue(seconds), parsed.GetValue(only)!));
        return command;
    }

    // Nothing here may touch Granary.Torch: its first use configures libtorch for the whole process.
    private static void Run(double seconds, string only)
    {
        torch.set_num_threads(1);
        torch.manual_seed(1);
        Print(new { version = $"TorchSharp {typeof(torch).Assembly.GetName().Version!.ToString(3)} (libtorch {torch.__version__})" });
        foreach (var (name, create) in PlainModel.All.Where(model => model.Name.Contains(only, StringComparison.OrdinalIgnoreCase)))
        {
            using var scope = torch.NewDisposeScope();
            var figure = Figure.Of(name, "ms", Repeat.Time(create(), seconds));
            Print(new { @case = figure.Case, value = figure.Value, unit = figure.Unit });
        }
    }

    private static void Print<T>(T line) => Console.WriteLine(JsonSerializer.Serialize(line));
}

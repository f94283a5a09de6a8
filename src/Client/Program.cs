using System.CommandLine;
using Granary.Client;
using Granary.Client.Commands;
using Spectre.Console;

if (Console.IsOutputRedirected)
{
    // A file or a pipe has no width: a hash stays on one line.
    AnsiConsole.Profile.Width = 500;
}
var verbose = new Option<bool>("--verbose") { Description = "Log what the cluster does; show errors with their origin.", Recursive = true };
var root = new RootCommand("Trains TorchSharp models on any number of workers, with the same bits.")
{
    TasksCommand.Create(),
    TrainCommand.Create(verbose),
    ResumeCommand.Create(verbose),
    ChaosCommand.Create(),
    ShowCommand.Create(),
    EvaluateCommand.Create(),
    WordCommands.CreateNearest(),
    WordCommands.CreateAnalogy(),
    WordCommands.CreateExport(),
    GenerateCommand.Create(),
    DataCommand.Create(),
    SiloCommand.Create(verbose),
    ClusterCommands.CreateSubmit(),
    ClusterCommands.CreateList(),
    ClusterCommands.CreateWatch(),
    ClusterCommands.CreateCancel(),
    ClusterCommands.CreatePause(),
    ClusterCommands.CreateScale(),
    ClusterCommands.CreateNodes(),
    ClusterCommands.CreateDrain(),
};
root.Options.Add(verbose);
var parsed = root.Parse(args);
try
{
    // Ctrl+C belongs to the commands: the first ends a run in good order.
    return await parsed.InvokeAsync(new() { EnableDefaultExceptionHandler = false, ProcessTerminationTimeout = null });
}
catch (Exception error) when (!parsed.GetValue(verbose) && ErrorLine.For(error) is { } line)
{
    Console.Error.WriteLine($"granary: {line}");
    return ExitCode.Failed;
}

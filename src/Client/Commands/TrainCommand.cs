using System.CommandLine;
using Granary.Client.Sessions;
using Granary.Client.Views;
using Granary.Contracts;
using Granary.LocalClusters;
using Granary.Training.Runs;
using Granary.Training.Tasks;
using Granary.Training.Wording;
using Microsoft.Extensions.Logging;

namespace Granary.Client.Commands;

/// <summary><c>granary train TASK</c>: a cluster of its own, one run on it, and its end.</summary>
internal static class TrainCommand
{
    public static Command Create(Option<bool> verbose)
    {
        var command = new Command("train", "Trains a task on this machine.");
        var spec = new SpecOptions(command);
        var session = new SessionOptions(command);
        var watch = new WatchOptions(command);
        command.SetAction(async (parsed, _) => await RunAsync(spec.Read(parsed), session, watch, parsed, parsed.GetValue(verbose)));
        return command;
    }

    /// <summary>Starts the cluster that the options ask for and sees the run through.</summary>
    public static async Task<int> RunAsync(RunSpec spec, SessionOptions session, WatchOptions watch, ParseResult parsed, bool verbose)
    {
        var how = watch.Read(parsed);
        var devices = RunOptions.Devices(parsed, spec);
        spec = spec with { Device = DeviceName.KindOf(devices[0]) };
        CheckOutput(spec);
        using var interruption = new Interruption();
        await using var cluster = await StartClusterAsync(spec, session, devices, parsed, verbose);
        await using var supervisor = cluster is ProcessCluster processes ? new Supervisor(processes, ErrorLine.Say) : null;
        if (session.Page(parsed) is not null)
        {
            ErrorLine.Say($"The page: {new Uri(cluster.Page, $"/runs/{spec.RunId}")}");
        }
        using var client = new TrainingClient(cluster.Server) { Patience = how.Patience };
        return await RunSession.RunAsync(client, spec, how, RunOwner.Command, interruption);
    }

    private static async Task<IRunCluster> StartClusterAsync(RunSpec spec, SessionOptions session, IReadOnlyList<string> devices, ParseResult parsed, bool verbose)
    {
        var (processes, port) = (session.Processes(parsed), session.Page(parsed) ?? 0);
        if (processes > spec.Workers)
        {
            throw new UserErrorException($"--processes {processes} is more than --workers {spec.Workers}: a process needs a worker at least.");
        }
        return processes > 1
            ? await ProcessCluster.StartAsync(new ProcessClusterOptions { Processes = processes, Workers = spec.Workers, Redis = session.Redis(parsed), Devices = devices, PagePort = port })
            : await LocalCluster.StartAsync(spec.Workers, verbose ? logging => logging.AddSimpleConsole() : null, devices, port);
    }

    /// <exception cref="UserErrorException">The run directory holds something that is not the run's, or cannot be written.</exception>
    public static void CheckOutput(RunSpec spec)
    {
        using var reminder = new Reminder($"--out {spec.Output} to be written");
        if (!spec.Resume && Directory.Exists(spec.Output) && RunFolder.HoldsMore(spec.Output) && !RunFolder.IsOf(spec.Output, spec.RunId))
        {
            throw new UserErrorException($"--out {spec.Output} is not empty. Choose another, or go on with what is there: granary resume {spec.Output}");
        }
        try
        {
            Directory.CreateDirectory(spec.Output);
            var probe = Path.Combine(spec.Output, $".writable-{Guid.NewGuid():N}");
            // A full disk takes an empty file.
            using (var file = File.Create(probe, bufferSize: 1, FileOptions.DeleteOnClose))
            {
                file.Write(new byte[4096]);
            }
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new UserErrorException($"--out {spec.Output} cannot be written: {error.Message} Choose another.");
        }
    }
}

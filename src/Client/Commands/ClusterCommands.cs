using System.CommandLine;
using Granary.Contracts;
using Granary.Training.Runs;
using Spectre.Console;

namespace Granary.Client.Commands;

/// <summary><c>granary submit</c>, <c>list</c>, <c>watch</c>, <c>cancel</c>: runs on a cluster that is there.</summary>
internal static class ClusterCommands
{
    public static Command CreateSubmit()
    {
        var command = new Command("submit", "Trains a task on a cluster. Paths are those of its silos.");
        var spec = new SpecOptions(command);
        var server = Server(command);
        var id = new Option<string?>("--id") { Description = "The run's id; submitting twice under one id is one run. Default: the name of the run directory and some letters of chance." };
        var wait = new Option<bool>("--wait") { Description = "Watch it until it has ended; the exit code is its result." };
        var summary = new Option<string?>("--summary") { Description = "With --wait: write the result as JSON into this file." };
        command.Options.Add(id);
        command.Options.Add(wait);
        command.Options.Add(summary);
        command.SetAction(async (parsed, _) =>
        {
            var run = spec.Read(parsed);
            if (parsed.GetValue(id) is { } chosen)
            {
                SpecRules.CheckId(chosen);
                run = run with { RunId = chosen };
            }
            using var client = Connect(parsed.GetValue(server)!);
            if (!parsed.GetValue(wait))
            {
                Console.WriteLine((await client.SubmitAsync(run)).Spec.RunId);
                return ExitCode.Done;
            }
            using var interruption = new Interruption();
            return await RunSession.RunAsync(client, run, quiet: false, parsed.GetValue(summary), interruption);
        });
        return command;
    }

    public static Command CreateList()
    {
        var command = new Command("list", "The runs of a cluster, newest first.");
        var server = Server(command);
        command.SetAction(async (parsed, cancellationToken) =>
        {
            using var client = Connect(parsed.GetValue(server)!);
            var table = new Table().Border(TableBorder.Simple).AddColumns("run", "task", "state", "step", "workers", "why");
            foreach (var run in await client.ListAsync(cancellationToken))
            {
                table.AddRow(
                    new Text(run.Spec.RunId), new Text(run.Spec.Task), new Text(run.State.ToString().ToLowerInvariant()),
                    new Text($"{run.Step:N0}/{run.TotalSteps:N0}"), new Text($"{run.Workers}"), new Text(run.Reason));
            }
            AnsiConsole.Write(table);
        });
        return command;
    }

    public static Command CreateWatch()
    {
        var id = new Argument<string>("run") { Description = "The run's id." };
        var command = new Command("watch", "Shows a run until it has ended; Ctrl+C leaves it running.") { id };
        var server = Server(command);
        command.SetAction(async (parsed, _) =>
        {
            using var client = Connect(parsed.GetValue(server)!);
            using var interruption = new Interruption();
            return await RunSession.WatchAsync(client, parsed.GetValue(id)!, quiet: false, summaryPath: null, interruption, cancelOnInterrupt: false);
        });
        return command;
    }

    public static Command CreateCancel()
    {
        var id = new Argument<string>("run") { Description = "The run's id." };
        var reason = new Option<string>("--reason") { Description = "Kept with the run.", DefaultValueFactory = _ => "Cancelled by a client." };
        var command = new Command("cancel", "Stops a run at the next step boundary, with a checkpoint.") { id, reason };
        var server = Server(command);
        command.SetAction(async (parsed, cancellationToken) =>
        {
            using var client = Connect(parsed.GetValue(server)!);
            Print(await client.CancelAsync(parsed.GetValue(id)!, parsed.GetValue(reason)!, cancellationToken));
        });
        return command;
    }

    public static Command CreatePause()
    {
        var id = new Argument<string>("run") { Description = "The run's id." };
        var reason = new Option<string>("--reason") { Description = "Kept with the run.", DefaultValueFactory = _ => "Paused by a client." };
        var command = new Command("pause", "Stops a run at the next step boundary, with a checkpoint, and gives its slots back; granary resume RUN --server URL goes on.") { id, reason };
        var server = Server(command);
        command.SetAction(async (parsed, cancellationToken) =>
        {
            using var client = Connect(parsed.GetValue(server)!);
            Print(await client.PauseAsync(parsed.GetValue(id)!, parsed.GetValue(reason)!, cancellationToken));
        });
        return command;
    }

    public static Command CreateScale()
    {
        var id = new Argument<string>("run") { Description = "The run's id." };
        var workers = new Argument<int>("workers") { Description = "From 1 to the run's shards." };
        var command = new Command("scale", "Changes the number of a run's workers at the next step boundary. No bit of the weights depends on it.") { id, workers };
        var server = Server(command);
        command.SetAction(async (parsed, cancellationToken) =>
        {
            using var client = Connect(parsed.GetValue(server)!);
            var run = await client.ScaleAsync(parsed.GetValue(id)!, parsed.GetValue(workers), cancellationToken);
            Console.WriteLine($"{run.Spec.RunId}: {run.State.ToString().ToLowerInvariant()}, {run.Workers} workers wanted");
        });
        return command;
    }

    public static Command CreateNodes()
    {
        var command = new Command("nodes", "The nodes of a cluster.");
        var server = Server(command);
        command.SetAction(async (parsed, cancellationToken) =>
        {
            using var client = Connect(parsed.GetValue(server)!);
            Print(await client.NodesAsync(cancellationToken));
        });
        return command;
    }

    public static Command CreateDrain()
    {
        var node = new Argument<string>("node") { Description = "The node's name; see: granary nodes" };
        var undo = new Option<bool>("--undo") { Description = "Put it back into use. A restart of its silo does so, too." };
        var command = new Command("drain", "Takes a node out of use: its runs go on elsewhere from the next step boundary.") { node, undo };
        var server = Server(command);
        command.SetAction(async (parsed, cancellationToken) =>
        {
            using var client = Connect(parsed.GetValue(server)!);
            Print(await client.DrainAsync(parsed.GetValue(node)!, parsed.GetValue(undo), cancellationToken));
        });
        return command;
    }

    /// <summary>A paused run of a cluster goes on.</summary>
    public static async Task<int> ResumeAsync(string server, string runId, CancellationToken cancellationToken)
    {
        using var client = Connect(server);
        Print(await client.ResumeAsync(runId, cancellationToken));
        return ExitCode.Done;
    }

    private static void Print(RunStatus run) => Console.WriteLine($"{run.Spec.RunId}: {run.State.ToString().ToLowerInvariant()}");

    private static void Print(IEnumerable<V1.Node> nodes)
    {
        var table = new Table().Border(TableBorder.Simple).AddColumns("node", "slots", "versions", "");
        foreach (var node in nodes)
        {
            table.AddRow(new Text(node.Name), new Text($"{node.Slots}"), new Text(string.Join("  ", node.Versions.OrderBy(version => version.Key).Select(version => $"{version.Key} {version.Value}"))), new Text(node.Draining ? "draining" : ""));
        }
        AnsiConsole.Write(table);
    }

    private static Option<string> Server(Command command)
    {
        var server = new Option<string>("--server") { Description = "A silo's gRPC address.", DefaultValueFactory = _ => "http://127.0.0.1:8081" };
        command.Options.Add(server);
        return server;
    }

    private static TrainingClient Connect(string server) => Uri.TryCreate(server, UriKind.Absolute, out var address) && address.Scheme is "http" or "https"
        ? new(address)
        : throw new UserErrorException($"--server {server} is no address such as http://127.0.0.1:8081.");
}

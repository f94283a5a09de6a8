using System.CommandLine;
using Granary.Client.Views;
using Granary.Contracts;
using Granary.Training.Wording;
using Grpc.Core;
using Spectre.Console;

namespace Granary.Client.Commands;

/// <summary><c>granary list</c>, <c>nodes</c>, <c>drain</c>, <c>health</c>: a cluster that is running.</summary>
internal static class ClusterCommands
{
    private static readonly TimeSpan HealthPatience = TimeSpan.FromSeconds(10);

    public static Command CreateList()
    {
        var command = new Command("list", "The runs of a cluster, newest first.");
        var server = new ServerOption(command);
        command.SetAction(async (parsed, cancellationToken) =>
        {
            using var client = server.Connect(parsed);
            Screen.Write(List(await client.ListAsync(cancellationToken), Screen.Width));
        });
        return command;
    }

    public static Command CreateNodes()
    {
        var command = new Command("nodes", "The nodes of a cluster.");
        var server = new ServerOption(command);
        command.SetAction(async (parsed, cancellationToken) =>
        {
            using var client = server.Connect(parsed);
            Screen.Write(List(await client.NodesAsync(cancellationToken)));
        });
        return command;
    }

    public static Command CreateDrain()
    {
        var node = new Argument<string>("node") { Description = "The node's name; see: granary nodes" };
        var undo = new Option<bool>("--undo") { Description = "Put it back into use. A restart of its silo does so, too." };
        var command = new Command("drain", "Takes a node out of use: its runs go on elsewhere from the next step boundary.") { node, undo };
        var server = new ServerOption(command);
        command.SetAction(async (parsed, cancellationToken) =>
        {
            using var client = server.Connect(parsed);
            Screen.Write(List(await client.DrainAsync(parsed.GetValue(node)!, parsed.GetValue(undo), cancellationToken)));
        });
        return command;
    }

    public static Command CreateHealth()
    {
        var command = new Command("health", "Whether a silo serves, for what looks after its process: exit code 0, or 1 with the reason. It wants no token.");
        var server = new ServerOption(command);
        command.SetAction(async (parsed, cancellationToken) =>
        {
            using var client = server.Connect(parsed);
            try
            {
                if (!await client.IsServingAsync(HealthPatience, cancellationToken))
                {
                    throw new UserErrorException($"{server.Address(parsed)} does not serve: it is starting or stopping.");
                }
            }
            catch (RpcException late) when (late.StatusCode == StatusCode.DeadlineExceeded)
            {
                throw new UserErrorException($"{server.Address(parsed)} has not answered for {HealthPatience.TotalSeconds:0} s.", late);
            }
        });
        return command;
    }

    /// <param name="width">Long reasons are cut to it.</param>
    internal static Table List(IReadOnlyList<RunStatus> runs, int width)
    {
        string[] head = ["run", "task", "state", "step", "workers", "why"];
        var rows = runs.Select(run => new[]
        {
            run.Spec.RunId, run.Spec.Task, run.State.ToString().ToLowerInvariant(), $"{run.Step:N0}/{run.TotalSteps:N0}", $"{run.Workers}", Shown.OneLine(run.Reason),
        }).ToList();
        // Spectre's border takes a blank on each side of a column, and one between.
        var others = Enumerable.Range(0, head.Length - 1).Sum(column => rows.Append(head).Max(row => row[column].Length) + 3) + 4;
        var table = new Table().Border(TableBorder.Simple).AddColumns(head);
        foreach (var row in rows)
        {
            table.AddRow([.. row[..^1].Select(cell => new Text(cell)), new Text(Screen.Fit(row[^1], width, others))]);
        }
        return table;
    }

    /// <summary>Each device once, with what it is and, if they are several, how many slots it has.</summary>
    private static IEnumerable<string> Devices(V1.Node node) =>
        from slots in node.Devices.GroupBy(device => device)
        let what = node.Gpus.TryGetValue(slots.Key, out var gpu) ? $" {gpu}" : ""
        select $"{slots.Key}{what}{(slots.Count() > 1 ? $" ({slots.Count()} slots)" : "")}";

    private static Table List(IEnumerable<V1.Node> nodes)
    {
        var table = new Table().Border(TableBorder.Simple).AddColumns("node", "slots", "devices", "versions", "");
        foreach (var node in nodes)
        {
            table.AddRow(new Text(node.Name), new Text($"{node.Slots}"), new Text(string.Join("\n", Devices(node))), new Text(string.Join("  ", node.Versions.OrderBy(version => version.Key).Select(version => $"{version.Key} {version.Value}"))), new Text(node.Draining ? "draining" : ""));
        }
        return table;
    }
}

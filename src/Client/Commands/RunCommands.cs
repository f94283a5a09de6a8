using System.CommandLine;
using Granary.Client.Sessions;
using Granary.Client.Views;
using Granary.Contracts;
using Granary.Training.Runs;
using Granary.Training.Wording;
using Grpc.Core;

namespace Granary.Client.Commands;

/// <summary><c>granary submit</c>, <c>watch</c>, <c>cancel</c>, <c>pause</c>, <c>scale</c>: runs on a cluster that is running.</summary>
internal static class RunCommands
{
    private delegate Task<RunStatus> Change(TrainingClient client, string id, CancellationToken cancellationToken);

    public static Command CreateSubmit()
    {
        var command = new Command("submit", "Trains a task on a cluster. Paths are those of its silos; where these have roots, relative to them.");
        var spec = new SpecOptions(command);
        var server = new ServerOption(command);
        var id = new Option<string?>("--id") { Description = "The run's id; submitting twice under one id is one run. Default: the name of the run directory and some letters of chance." };
        command.Options.Add(id);
        var watch = new WatchOptions(command, "it has ended; the exit code is its result");
        command.SetAction(async (parsed, cancellationToken) =>
        {
            var how = watch.ReadIfWaiting(parsed);
            RunOptions.CheckKind(parsed);
            using var client = server.Connect(parsed, how);
            var run = spec.Read(parsed, await client.OfferAsync(cancellationToken));
            if (parsed.GetValue(id) is { } chosen)
            {
                SpecRules.CheckId(chosen);
                run = run with { RunId = chosen };
            }
            if (how is null)
            {
                Console.WriteLine((await RunSession.SubmitAsync(client, run, cancellationToken)).Spec.RunId);
                return ExitCode.Done;
            }
            using var interruption = new Interruption();
            return await RunSession.RunAsync(client, run, how, RunOwner.Submitter, interruption);
        });
        return command;
    }

    public static Command CreateWatch()
    {
        var command = new Command("watch", "Shows a run until it has ended; Ctrl+C leaves it running.");
        var run = new RunArgument(command);
        var server = new ServerOption(command);
        var watch = new WatchOptions(command);
        command.SetAction(async (parsed, _) =>
        {
            var how = watch.Read(parsed);
            using var client = server.Connect(parsed, how);
            using var interruption = new Interruption();
            var known = await RunArgument.AskAsync(client, run.Read(parsed), id => client.GetAsync(id, interruption.Asked), interruption.Asked);
            return await RunSession.WatchAsync(client, known, how, RunOwner.Others, interruption);
        });
        return command;
    }

    public static Command CreateCancel()
    {
        var reason = new Option<string?>("--reason") { Description = "Kept with the run." };
        var now = new Option<bool>("--now") { Description = "At once: wait neither for the step under way nor for a checkpoint." };
        var command = new Command("cancel", "Stops a run at the next step boundary, with a checkpoint.") { reason, now };
        var watch = new WatchOptions(command, "it has ended");
        return Act(command, (parsed, _) => (client, id, cancellationToken) => client.CancelAsync(id, parsed.GetValue(reason) ?? "", parsed.GetValue(now), cancellationToken), watch, run => run.State == RunState.Cancelled);
    }

    public static Command CreatePause()
    {
        var reason = new Option<string?>("--reason") { Description = "Kept with the run." };
        var command = new Command("pause", "Stops a run at the next step boundary, with a checkpoint, and gives its slots back; granary resume RUN goes on.") { reason };
        var watch = new WatchOptions(command, "it is paused");
        return Act(command, (parsed, _) => (client, id, cancellationToken) => client.PauseAsync(id, parsed.GetValue(reason) ?? "", cancellationToken), watch, run => run.State == RunState.Paused);
    }

    public static Command CreateScale()
    {
        var workers = new Argument<int?>("workers") { Description = "From 1 to the run's shards.", Arity = ArgumentArity.ZeroOrOne };
        var option = new Option<int?>("--workers") { Description = "The same, as with granary train." };
        var command = new Command("scale", "Changes the number of a run's workers at the next step boundary. No bit of the weights depends on it.") { workers, option };
        return Act(command, (parsed, run) =>
        {
            var (count, name) = (parsed.GetValue(workers), parsed.GetValue(option)) switch
            {
                ({ } only, null) => (only, "WORKERS"),
                (null, { } only) => (only, option.Name),
                (null, null) => throw new UserErrorException($"How many workers? granary scale {run} N"),
                _ => throw new UserErrorException($"WORKERS and --workers both say how many: granary scale {run} N"),
            };
            var wanted = SpecOptions.AtLeast(count, 1, name);
            return (client, id, cancellationToken) => client.ScaleAsync(id, wanted, cancellationToken);
        });
    }

    /// <summary>A paused run of a cluster goes on.</summary>
    public static async Task<int> ResumeAsync(ServerOption server, Watching? how, ParseResult parsed, string run, CancellationToken cancellationToken)
    {
        using var client = server.Connect(parsed, how);
        try
        {
            return await EndAsync(client, await RunArgument.AskAsync(client, run, id => client.ResumeAsync(id, cancellationToken), cancellationToken), how);
        }
        catch (RpcException unknown) when (!server.IsGiven(parsed) && (unknown.StatusCode is StatusCode.NotFound || TrainingClient.MayPass(unknown)))
        {
            var cluster = unknown.StatusCode is StatusCode.NotFound ? $"the cluster at {server.Address(parsed)} knows no such run" : $"no cluster answers at {server.Address(parsed)}";
            throw new UserErrorException($"No run directory here is named '{run}', and {cluster}. Name the directory (--out of granary train), or the run's cluster with --server.");
        }
    }

    /// <summary>A command about one run of a cluster.</summary>
    /// <param name="read">What is to be done, of a command line and what stands for the run there.</param>
    /// <param name="watch">Whether and how to wait, where there is something to wait for.</param>
    private static Command Act(Command command, Func<ParseResult, string, Change> read, WatchOptions? watch = null, Func<RunStatus, bool>? until = null)
    {
        var run = new RunArgument(command);
        var server = new ServerOption(command);
        command.SetAction(async (parsed, cancellationToken) =>
        {
            var (named, how) = (run.Read(parsed), watch?.ReadIfWaiting(parsed));
            var change = read(parsed, named);
            using var client = server.Connect(parsed, how);
            return await EndAsync(client, await RunArgument.AskAsync(client, named, id => change(client, id, cancellationToken), cancellationToken), how, until);
        });
        return command;
    }

    private static async Task<int> EndAsync(TrainingClient client, RunStatus run, Watching? how, Func<RunStatus, bool>? until = null)
    {
        if (run.HasEnded && until?.Invoke(run) != true)
        {
            throw new UserErrorException($"Run '{run.Spec.RunId}' has ended ({run.State.ToString().ToLowerInvariant()}): nothing is left to do for it.");
        }
        if (how is null)
        {
            Console.WriteLine($"{run.Spec.RunId}: {run.State.ToString().ToLowerInvariant()}, {run.Workers} workers wanted");
            return ExitCode.Done;
        }
        using var interruption = new Interruption();
        return await RunSession.WatchAsync(client, run, how, RunOwner.Others, interruption, run.Since, until);
    }
}

using System.CommandLine;
using Granary.Client.Views;
using Granary.Silo;
using Granary.Training.Runs;
using Granary.Training.Wording;

namespace Granary.Client.Commands;

/// <summary><c>granary resume RUNDIR</c></summary>
internal static class ResumeCommand
{
    public static Command Create(Option<bool> verbose)
    {
        var directory = new Argument<string>("rundir") { Description = "The run directory (--out of granary train); with --server, or if there is no such directory, the id of a paused run." };
        var steps = new Option<long?>("--steps") { Description = "Steps in all, those made already included. Default: as the run was begun with." };
        var data = new Option<string?>("--data") { Description = "Where the run's data lie now; their content must be the same. Default: where they were." };
        var task = new Option<string?>("--task") { Description = "Refuse unless the run is of this task." };
        var otherMachine = new Option<bool>("--other-machine") { Description = "Go on although this machine computes other bits than the first." };
        var command = new Command("resume", "Goes on with a run from its newest whole checkpoint, exactly. What is not said here is as the run was begun with.") { directory, steps, data, task, otherMachine };
        var how = new RunOptions(command, defaults: null);
        var session = new SessionOptions(command);
        List<Option> ofDirectories = [.. command.Options];
        var server = new ServerOption(command);
        var watch = new WatchOptions(command, "it has ended");
        command.SetAction(async (parsed, cancellationToken) =>
        {
            var run = parsed.GetValue(directory)!;
            if (server.IsGiven(parsed) || !IsDirectory(run))
            {
                if (ofDirectories.FirstOrDefault(option => parsed.GetResult(option) is { Implicit: false }) is { } useless)
                {
                    throw new UserErrorException($"{useless.Name} is for a run directory, and '{run}' is a run of a cluster or not there: it goes on as it was submitted; see also: granary scale");
                }
                return await RunCommands.ResumeAsync(server, watch.ReadIfWaiting(parsed), parsed, run, cancellationToken);
            }
            var manifest = RunDirectory.Newest(run).Manifest;
            if (parsed.GetValue(task) is { } wanted && wanted != manifest.Spec.Task)
            {
                throw new UserErrorException($"{run} holds a run of task '{manifest.Spec.Task}', not of '{wanted}'.");
            }
            var spec = how.Override(RunDirectory.SpecOf(manifest, run), parsed);
            if (parsed.GetValue(steps) is { } total)
            {
                spec = spec with { Steps = SpecOptions.AtLeast(total, manifest.Step, "--steps"), Epochs = null };
            }
            if (parsed.GetValue(data) is { } moved)
            {
                spec = spec with { Data = DataPath.Resolve(moved, GranaryEnvironment.Tasks[spec.Task].DataSet) };
            }
            if (parsed.GetValue(otherMachine))
            {
                spec = spec with { Switches = new Dictionary<string, string>() };
            }
            SpecRules.Check(spec, GranaryEnvironment.Tasks);
            if (spec.Steps is { } end && end != manifest.TotalSteps && GranaryEnvironment.Tasks[spec.Task].EndMatters(spec))
            {
                Console.Error.WriteLine($"warning: the run was begun with {manifest.TotalSteps} steps in all, and what a step of '{spec.Task}' does depends on their number: with {end} the weights will not be those of a run begun with {end}.");
            }
            RunDirectory.WarnOfVersions(manifest);
            return await TrainCommand.RunAsync(spec, session, watch, parsed, parsed.GetValue(verbose));
        });
        return command;
    }

    private static bool IsDirectory(string run)
    {
        using var reminder = new Reminder($"{run} to be looked for");
        return run.Contains(Path.DirectorySeparatorChar) || Directory.Exists(run);
    }
}

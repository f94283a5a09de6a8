using System.CommandLine;
using Granary.Contracts;
using Granary.Training.Checkpoints;

namespace Granary.Client.Commands;

/// <summary><c>granary resume RUNDIR</c></summary>
internal static class ResumeCommand
{
    public static Command Create(Option<bool> verbose)
    {
        var directory = new Argument<string>("rundir") { Description = "The run directory (--out of granary train); with --server the id of a paused run." };
        var server = new Option<string?>("--server") { Description = "A silo's gRPC address: lets a paused run of that cluster go on." };
        var workers = new Option<int>("--workers") { Description = "Replicas that share the work, as many as you like.", DefaultValueFactory = _ => 2 };
        var steps = new Option<long?>("--steps") { Description = "Steps in all, those made already included. Default: as the run was begun with." };
        var checkpointEvery = new Option<long>("--checkpoint-every") { Description = "Steps between checkpoints.", DefaultValueFactory = _ => 0 };
        var keep = new Option<int>("--keep") { Description = "Newest checkpoints to keep.", DefaultValueFactory = _ => 3 };
        var task = new Option<string?>("--task") { Description = "Refuse unless the run is of this task." };
        var otherMachine = new Option<bool>("--other-machine") { Description = "Go on although this machine computes other bits than the first." };
        var command = new Command("resume", "Goes on with a run from its newest whole checkpoint, exactly.") { directory, workers, steps, checkpointEvery, keep, task, otherMachine };
        var session = new SessionOptions(command);
        command.Options.Add(server);
        command.SetAction(async (parsed, cancellationToken) =>
        {
            if (parsed.GetValue(server) is { } address)
            {
                return await ClusterCommands.ResumeAsync(address, parsed.GetValue(directory)!, cancellationToken);
            }
            var manifest = Newest(parsed.GetValue(directory)!).Manifest;
            if (parsed.GetValue(task) is { } wanted && wanted != manifest.Spec.Task)
            {
                throw new UserErrorException($"{parsed.GetValue(directory)} holds a run of task '{manifest.Spec.Task}', not of '{wanted}'.");
            }
            var spec = SpecOf(manifest, parsed.GetValue(directory)!) with
            {
                Workers = Math.Min(SpecOptions.AtLeast(parsed.GetValue(workers), 1, "--workers"), manifest.Spec.Shards),
                CheckpointEvery = SpecOptions.AtLeast(parsed.GetValue(checkpointEvery), 0, "--checkpoint-every"),
                Keep = SpecOptions.AtLeast(parsed.GetValue(keep), 1, "--keep"),
            };
            if (parsed.GetValue(steps) is { } total)
            {
                spec = spec with { Steps = SpecOptions.AtLeast(total, manifest.Step, "--steps"), Epochs = null };
            }
            if (parsed.GetValue(otherMachine))
            {
                spec = spec with { Switches = [] };
            }
            return await TrainCommand.RunAsync(spec, session, parsed, parsed.GetValue(verbose));
        });
        return command;
    }

    private static Checkpoint Newest(string directory) => new CheckpointStore(directory).Latest(ShowCommand.Warn)
        ?? throw new UserErrorException($"No whole checkpoint lies in {Path.GetFullPath(directory)}. Is it the directory of a run (--out)?");

    /// <summary>What it takes to go on with the run.</summary>
    public static RunSpec SpecOf(CheckpointManifest manifest, string directory) => new()
    {
        RunId = Path.GetFileName(Path.GetFullPath(directory).TrimEnd(Path.DirectorySeparatorChar)),
        Task = manifest.Spec.Task,
        Seed = manifest.Spec.Seed,
        Shards = manifest.Spec.Shards,
        Steps = manifest.Spec.Steps,
        Epochs = manifest.Spec.Epochs,
        Data = manifest.Spec.Data,
        Settings = new(manifest.Spec.Settings),
        Switches = new(manifest.Spec.Switches),
        Output = Path.GetFullPath(directory),
        Resume = true,
    };
}

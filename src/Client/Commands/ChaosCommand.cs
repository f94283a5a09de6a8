using System.CommandLine;
using Granary.Chaos;
using Granary.Client.Sessions;
using Granary.Client.Views;
using Granary.Silo;
using Granary.Training.Files;
using Granary.Training.Runs;
using Granary.Training.Tasks;
using Granary.Training.Wording;

namespace Granary.Client.Commands;

/// <summary><c>granary chaos TASK</c>: proves on this machine that faults change no bit.</summary>
internal static class ChaosCommand
{
    public static Command Create()
    {
        var subject = new Argument<string>("task|rundir") { Description = "What to train; or a finished run's directory, to repeat that run." };
        var seed = new Option<ulong>("--seed") { Description = "Of the plan of faults: the same seed, the same plan.", DefaultValueFactory = _ => 1 };
        var kills = new Option<int>("--kills") { Description = "How many faults, of all kinds together.", DefaultValueFactory = _ => 5 };
        var kinds = new Option<string?>("--kinds") { Description = $"Which faults: {KnownKinds}. Default: all; cut only where networks can be cut (root, iproute2)." };
        var processes = new Option<int>("--processes") { Description = "Silos, a process each.", DefaultValueFactory = _ => 3 };
        var report = new Option<string?>("--report") { Description = "Write what happened as JSON into this file." };
        var keepLogs = new Option<bool>("--keep-logs") { Description = "Keep the silos' logs in any case; they are kept when something does not hold." };
        var command = new Command("chaos", "Trains a task twice, undisturbed and under faults, and compares.");
        var spec = new SpecOptions(command, subject, seedName: "--training-seed", defaultWorkers: 3);
        foreach (var option in new Option[] { seed, kills, kinds, processes, report, keepLogs })
        {
            command.Options.Add(option);
        }
        command.SetAction(async (parsed, _) =>
        {
            var (run, undisturbed) = Read(spec, parsed, parsed.GetValue(subject)!);
            var devices = RunOptions.Devices(parsed, run);
            var struck = ReadKinds(parsed.GetValue(kinds), isOnHost: devices[0] == DeviceName.Cpu);
            var request = new ChaosRequest(
                run with { Device = DeviceName.KindOf(devices[0]) },
                devices,
                undisturbed,
                parsed.GetValue(seed),
                SpecOptions.AtLeast(parsed.GetValue(kills), 1, "--kills"),
                struck,
                SpecOptions.AtLeast(parsed.GetValue(processes), 2, "--processes"),
                parsed.GetValue(keepLogs),
                parsed.GetValue(report),
                Again(parsed, seed));
            if (request.Processes > run.Workers)
            {
                throw new UserErrorException($"--processes {request.Processes} is more than --workers {run.Workers}: a process needs a worker at least.");
            }
            if (request.ReportPath is { } path)
            {
                OutputFile.Check(report.Name, path);
            }
            using var interruption = new Interruption();
            TrainCommand.CheckOutput(run);
            try
            {
                return await new ChaosSession(request, interruption.Asked).RunAsync() ? ExitCode.Done : ExitCode.Failed;
            }
            catch (Exception) when (interruption.Asked.IsCancellationRequested)
            {
                Console.WriteLine("Interrupted.");
                return ExitCode.Interrupted;
            }
        });
        return command;
    }

    private static string KnownKinds => string.Join(", ", Enum.GetValues<FaultKind>().Select(Fault.NameOf));

    private static (RunSpec Run, string? Undisturbed) Read(SpecOptions spec, ParseResult parsed, string subject)
    {
        var tasks = GranaryEnvironment.Tasks.Tasks.Select(task => task.Name).ToList();
        if (tasks.Contains(subject))
        {
            return (spec.Read(parsed), null);
        }
        if (!Directory.Exists(subject))
        {
            throw new UserErrorException($"No training task is named '{subject}', and no run lies in {Path.GetFullPath(subject)}. Known tasks: {string.Join(", ", tasks)}.");
        }
        var made = RunDirectory.Newest(subject).Manifest;
        return (spec.Repeat(parsed, RunDirectory.SpecOf(made, subject)), Path.GetFullPath(subject));
    }

    /// <param name="isOnHost">Whether weights lie where a flip strikes: in the host's memory.</param>
    private static List<FaultKind> ReadKinds(string? asked, bool isOnHost)
    {
        var obstacle = SiloNetworks.Obstacle();
        if (asked is null)
        {
            if (obstacle is not null)
            {
                Console.WriteLine($"Without cut: {obstacle}");
            }
            return [.. Enum.GetValues<FaultKind>().Where(kind => (kind != FaultKind.Cut || obstacle is null) && (kind != FaultKind.Flip || isOnHost))];
        }
        var kinds = new List<FaultKind>();
        foreach (var name in asked.Split(',', StringSplitOptions.TrimEntries))
        {
            kinds.Add(Enum.GetValues<FaultKind>().Cast<FaultKind?>().FirstOrDefault(kind => Fault.NameOf(kind!.Value) == name)
                ?? throw new UserErrorException($"--kinds knows no fault '{name}'. Known: {KnownKinds}."));
        }
        if (kinds.Contains(FaultKind.Flip) && !isOnHost)
        {
            throw new UserErrorException($"--kinds {Fault.NameOf(FaultKind.Flip)} strikes weights in the host's memory, and with this --device they are not there. Take --device {DeviceName.Cpu}.");
        }
        return kinds.Contains(FaultKind.Cut) && obstacle is not null ? throw new UserErrorException(obstacle) : kinds;
    }

    /// <summary>The command line that strikes the same run with the same plan, into another directory.</summary>
    private static string Again(ParseResult parsed, Option<ulong> seed)
    {
        var words = parsed.Tokens.Select(token => token.Value).ToList();
        if (words.IndexOf("--out") is var at and >= 0)
        {
            words.RemoveRange(at, 2);
        }
        if (!words.Contains(seed.Name))
        {
            words.AddRange([seed.Name, $"{parsed.GetValue(seed)}"]);
        }
        return string.Join(' ', words.Select(word => word.Contains(' ') ? $"'{word}'" : word).Prepend(GranaryEnvironment.ProgramName));
    }
}

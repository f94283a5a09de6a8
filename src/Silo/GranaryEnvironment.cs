using System.Reflection;
using Granary.Grains.Nodes;
using Granary.Models;
using Granary.Torch.Devices;
using Granary.Torch.Runtime;
using Granary.Training.Tasks;
using Granary.Training.Wording;

namespace Granary.Silo;

/// <summary>What this program can train, on this machine.</summary>
public static class GranaryEnvironment
{
    private const string CommandLine = "granary", Library = "Granary.Client";

    // The user's own program, if one runs the command line.
    private static readonly Assembly? own = Assembly.GetEntryAssembly() is { } entry && entry.GetName().Name != CommandLine && entry.GetReferencedAssemblies().Any(referenced => referenced.Name == Library) ? entry : null;

    private static readonly Lazy<TaskCatalog> tasks = new(FindTasks);

    /// <summary>The built-in tasks, and those of the program that runs the command line.</summary>
    /// <exception cref="UserErrorException">A learner of that program cannot be one.</exception>
    public static TaskCatalog Tasks => tasks.Value;

    /// <summary>What users type to run this program.</summary>
    public static string ProgramName => own?.GetName().Name ?? CommandLine;

    /// <summary>How to start another process of this program; in a test, of <c>granary</c>.</summary>
    public static IReadOnlyList<string> Program { get; } = own is null
        ? [Path.Combine(AppContext.BaseDirectory, FileOf(CommandLine))]
        : Path.GetFileName(Environment.ProcessPath) == FileOf(own.GetName().Name!) ? [Environment.ProcessPath!] : [Environment.ProcessPath!, own.Location];

    /// <summary>Also sets libtorch up: to be called before the first tensor is made.</summary>
    public static TrainingEnvironment ForTraining() => new(Tasks, TorchRuntime.Switches)
    {
        LiveTensors = () => TorchRuntime.LiveTensors,
        Remarks = TorchRuntime.Remarks,
        Versions = Versions,
        Gpus = TorchDevices.Gpus,
        ReadDevices = TorchDevices.Read,
        DeviceSwitches = TorchDevices.SwitchesOf,
    };

    /// <summary>This machine's devices that are meant by a name.</summary>
    /// <param name="setting">What it was given by.</param>
    /// <exception cref="UserErrorException">One is not there.</exception>
    public static IReadOnlyList<string> DevicesNamed(string device, string setting)
    {
        try
        {
            return SlotDevices.Named(device == DeviceName.Any ? DeviceName.Auto : device, [.. TorchDevices.Gpus.Keys], setting);
        }
        catch (ArgumentException wrong)
        {
            throw new UserErrorException(wrong.Message, wrong);
        }
    }

    /// <summary>This program's, with the commit it was built from, as far as that is known.</summary>
    private static string Version => typeof(GranaryEnvironment).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()!.InformationalVersion;

    /// <summary>Of this program and of what it computes with. A user's own program is told by its build, as its version may stay while its learners change.</summary>
    public static IReadOnlyDictionary<string, string> Versions { get; } = new Dictionary<string, string>(own is null ? [] : [new("program", $"{own.GetName().Name} {own.ManifestModule.ModuleVersionId:N}")])
    {
        [CommandLine] = Version,
        ["torchsharp"] = TorchRuntime.Version,
    };

    // A name may have dots.
    private static string FileOf(string program) => OperatingSystem.IsWindows() ? $"{program}.exe" : program;

    private static TaskCatalog FindTasks()
    {
        try
        {
            return TaskCatalog.Of([typeof(TwoLayer).Assembly, .. own is null ? [] : new[] { own }]);
        }
        catch (ArgumentException wrong)
        {
            throw new UserErrorException(wrong.Message, wrong);
        }
    }
}

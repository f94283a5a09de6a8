using System.CommandLine;
using Granary.Client.Views;
using Granary.Contracts;
using Granary.Silo;
using Granary.Training.Runs;
using Granary.Training.Tasks;
using Granary.Training.Wording;

namespace Granary.Client.Commands;

/// <summary>
/// The options that describe a new run, the same for <c>train</c>, <c>submit</c> and <c>chaos</c>. They only say what was typed: what
/// a spec may hold is for <see cref="SpecRules"/> to tell.
/// </summary>
internal sealed class SpecOptions
{
    private readonly Argument<string> task;
    private readonly RunSpec defaults;
    private readonly RunOptions how;
    private readonly Option<string?> data = new("--data") { Description = "The data, a file or a folder. Default: the task's folder in GRANARY_DATA if that is set, else small built-in data; on a cluster with roots, always these." };
    private readonly Option<int?> shards = new("--shards") { Description = "Slices of every batch, and the most workers there can be. The weights depend on it. Default: 4." };
    private readonly Option<long?> steps = new("--steps") { Description = "Steps to make." };
    private readonly Option<double?> epochs = new("--epochs") { Description = "Passes over the data. Default: the task's." };
    private readonly Option<ulong?> seed;
    private readonly Option<string[]> set = new("--set") { Description = "A setting of the task, key=value; see: granary tasks TASK", DefaultValueFactory = _ => [] };
    private readonly Option<string?> init = new("--init") { Description = "Weights to begin with: a safetensors file, a folder with one, or a run directory, whose best checkpoint is taken. Default: those that follow from the seed." };
    private readonly Option<string[]> map = new("--map") { Description = "What a tensor of --init is called in the model, from=to, with * for any letters; from= leaves it out, =to begins a part of the model anew.", DefaultValueFactory = _ => [] };
    private readonly Option<string?> output;

    /// <param name="subject">What the command is about. Default: a task.</param>
    /// <param name="seedName">For commands that have another seed.</param>
    /// <param name="needsOutput">Whether the run directory must be named, as nobody would find one of chance again.</param>
    public SpecOptions(Command command, Argument<string>? subject = null, string seedName = "--seed", int defaultWorkers = 2, bool needsOutput = false)
    {
        output = new("--out") { Description = $"The run directory.{(needsOutput ? " What lies there of the same run is gone on with." : " Default: runs/TASK-TIME-XXXX.")}", Required = needsOutput };
        task = subject ?? new("task") { Description = "What to train; see: granary tasks" };
        seed = new(seedName) { Description = "For the initial weights and all other chance. Default: 1." };
        defaults = new() { RunId = "", Task = "", Output = "", Workers = defaultWorkers, Device = DeviceName.Auto };
        command.Arguments.Add(task);
        foreach (var option in new Option[] { data, shards, steps, epochs, seed, set, init, map, output })
        {
            command.Options.Add(option);
        }
        how = new(command, defaults);
    }

    /// <summary>A run of a task that this program knows.</summary>
    /// <exception cref="UnknownTaskException"/>
    /// <exception cref="TaskSettingException">A setting is unknown, or does not fit.</exception>
    /// <exception cref="SpecException">The values do not go together.</exception>
    public RunSpec Read(ParseResult parsed)
    {
        var spec = Read(parsed, new([.. GranaryEnvironment.Tasks.Tasks.Select(TaskDescription.Of)], HasRoots: false));
        SpecRules.Check(spec, GranaryEnvironment.Tasks);
        return spec;
    }

    /// <summary>A run of one of a cluster's tasks, whose settings the cluster checks, and its paths if it has roots: they are as they were typed.</summary>
    /// <exception cref="UnknownTaskException"/>
    /// <exception cref="SpecException">The values do not go together.</exception>
    public RunSpec Read(ParseResult parsed, ClusterOffer offer)
    {
        var chosen = TasksCommand.Named(offer.Tasks, parsed.GetValue(task)!);
        var hasRoots = offer.HasRoots;
        return Place(parsed, hasRoots, defaults with
        {
            Task = chosen.Name,
            Seed = parsed.GetValue(seed) ?? defaults.Seed,
            Shards = parsed.GetValue(shards) ?? defaults.Shards,
            Steps = parsed.GetValue(steps),
            Epochs = parsed.GetValue(epochs),
            Data = hasRoots ? parsed.GetValue(data) : DataPath.Resolve(parsed.GetValue(data), chosen.DataSet),
            Settings = ReadSettings(parsed.GetValue(set)!, chosen, hasRoots),
            Init = parsed.GetValue(init) is { } weights ? hasRoots ? weights : Found(weights, $"{init.Name} {weights}", "a safetensors file, a folder with one, or a run directory") : null,
            InitMap = parsed.GetValue(map)!,
        });
    }

    /// <summary>The same run, made where and how the options say.</summary>
    /// <exception cref="UserErrorException">The options ask for another run.</exception>
    /// <exception cref="SpecException">The values do not go together.</exception>
    public RunSpec Repeat(ParseResult parsed, RunSpec made) =>
        new Option[] { data, shards, steps, epochs, seed, set, init, map }.FirstOrDefault(option => parsed.GetResult(option) is { Implicit: false }) is { } other
            ? throw new UserErrorException($"{other.Name} would make another run than that in {parsed.GetValue(task)}: leave it out, or name a task.")
            : Place(parsed, hasRoots: false, made with { Resume = false, Workers = defaults.Workers });

    private RunSpec Place(ParseResult parsed, bool hasRoots, RunSpec spec)
    {
        var directory = parsed.GetValue(output) is { } chosen ? Path.TrimEndingDirectorySeparator(hasRoots ? chosen : Path.GetFullPath(chosen)) : null;
        var id = RunNames.New(directory ?? $"{spec.Task}-{DateTime.Now:yyyyMMdd-HHmmss}");
        spec = how.Override(spec with { RunId = id, Output = directory ?? (hasRoots ? id : Path.GetFullPath(Path.Combine("runs", id))) }, parsed);
        SpecRules.CheckValues(spec);
        return spec;
    }

    /// <exception cref="UserErrorException"/>
    public static T AtLeast<T>(T value, T least, string name) where T : IComparable<T> => value.CompareTo(least) >= 0
        ? value
        : throw new UserErrorException($"{name} {value} is too small: at least {least}.");

    private static string Found(string path, string option, string wanted)
    {
        using var reminder = new Reminder($"{path} to be looked for");
        return Path.Exists(path) ? Path.GetFullPath(path) : throw new UserErrorException($"{option} does not exist: give {wanted}.");
    }

    private static Dictionary<string, string> ReadSettings(string[] pairs, TaskDescription task, bool hasRoots)
    {
        var settings = new Dictionary<string, string>();
        foreach (var pair in pairs)
        {
            var parts = pair.Split('=', 2);
            var value = parts.Length == 2 ? parts[1] : throw new UserErrorException($"--set {pair} is not of the form key=value.");
            var isPath = !hasRoots && value.Length > 0 && task.Settings.Any(setting => setting.Name == parts[0] && setting.Kind == SettingDescription.Path);
            settings[parts[0]] = isPath ? Found(value, $"--set {pair}", "the path of a file or a folder") : value;
        }
        return settings;
    }
}

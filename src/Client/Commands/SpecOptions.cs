using System.CommandLine;
using Granary.Contracts;
using Granary.Silo;
using Granary.Training.Frames;
using Granary.Training.Tasks;

namespace Granary.Client.Commands;

/// <summary>The options that describe a run, the same for <c>train</c>, <c>submit</c> and <c>chaos</c>.</summary>
internal sealed class SpecOptions
{
    private readonly Argument<string> task;
    private readonly Option<string?> data = new("--data") { Description = "The data, a file or a folder. Default: the task's folder in GRANARY_DATA if that is set, else small built-in data." };
    private readonly Option<int> workers;
    private readonly Option<int> shards = new("--shards") { Description = "Slices of every batch, and the most workers there can be. The weights depend on it.", DefaultValueFactory = _ => 4 };
    private readonly Option<long?> steps = new("--steps") { Description = "Steps to make." };
    private readonly Option<double?> epochs = new("--epochs") { Description = "Passes over the data. Default: the task's." };
    private readonly Option<ulong> seed;
    private readonly Option<string[]> set = new("--set") { Description = "A setting of the task, key=value; see: granary tasks TASK", DefaultValueFactory = _ => [] };
    private readonly Option<string?> output = new("--out") { Description = "The run directory. Default: runs/TASK-TIME." };
    private readonly Option<long> checkpointEvery = new("--checkpoint-every") { Description = "Steps between checkpoints; 0: at the end, and when a validation is the best so far.", DefaultValueFactory = _ => 0 };
    private readonly Option<int> keep = new("--keep") { Description = "Newest checkpoints to keep; the best is kept besides.", DefaultValueFactory = _ => 3 };
    private readonly Option<int> minWorkers = new("--min-workers") { Description = "Start as soon as so many slots are free, and grow when more are. Default: wait for all workers.", DefaultValueFactory = _ => 0 };
    private readonly Option<int> priority = new("--priority") { Description = "On a cluster: of the runs that wait, those of a higher priority start first.", DefaultValueFactory = _ => 0 };
    private readonly Option<string> exchange = new("--exchange") { Description = "How gradients travel: from peer to peer, or through the coordinator (small models only).", DefaultValueFactory = _ => PeerToPeer };
    private const string PeerToPeer = "peer", Coordinator = "coordinator";

    /// <param name="subject">What the command is about. Default: a task.</param>
    public SpecOptions(Command command, Argument<string>? subject = null, string seedName = "--seed", int defaultWorkers = 2)
    {
        task = subject ?? new("task") { Description = "What to train; see: granary tasks" };
        workers = new("--workers") { Description = "Replicas that share the work. The weights do not depend on it.", DefaultValueFactory = _ => defaultWorkers };
        seed = new(seedName) { Description = "For the initial weights and all other chance.", DefaultValueFactory = _ => 1 };
        exchange.AcceptOnlyFromAmong(PeerToPeer, Coordinator);
        command.Arguments.Add(task);
        foreach (var option in new Option[] { data, workers, shards, steps, epochs, seed, set, output, checkpointEvery, keep, minWorkers, priority, exchange })
        {
            command.Options.Add(option);
        }
    }

    /// <exception cref="UserErrorException">The values do not go together.</exception>
    public RunSpec Read(ParseResult parsed)
    {
        var chosen = GranaryEnvironment.Tasks[parsed.GetValue(task)!];
        var settings = ReadSettings(parsed.GetValue(set)!);
        TaskSettings.Complete(chosen, settings);
        var spec = Place(parsed, new()
        {
            RunId = "",
            Output = "",
            Task = chosen.Name,
            Seed = parsed.GetValue(seed),
            Shards = AtLeast(parsed.GetValue(shards), 1, "--shards"),
            Steps = parsed.GetValue(steps) is { } count ? AtLeast(count, 1, "--steps") : null,
            Epochs = parsed.GetValue(epochs),
            Data = DataPath.Resolve(parsed.GetValue(data), chosen),
            Settings = settings,
        });
        if (spec.MinWorkers > spec.Workers)
        {
            throw new UserErrorException($"--min-workers {spec.MinWorkers} is more than --workers {spec.Workers}.");
        }
        if (spec.Shards > ShardCount.MostShards)
        {
            throw new UserErrorException($"--shards {spec.Shards} is more than {ShardCount.MostShards}.");
        }
        if (spec.Epochs is <= 0)
        {
            throw new UserErrorException($"--epochs {spec.Epochs} is not above 0.");
        }
        if (spec is { Steps: not null, Epochs: not null })
        {
            throw new UserErrorException("Give --steps or --epochs, not both.");
        }
        return spec;
    }

    /// <summary>The same run, made where and how the options say.</summary>
    /// <exception cref="UserErrorException">The options ask for another run, or do not go together.</exception>
    public RunSpec Repeat(ParseResult parsed, RunSpec made) =>
        new Option[] { data, shards, steps, epochs, seed, set }.FirstOrDefault(option => parsed.GetResult(option) is { Implicit: false }) is { } other
            ? throw new UserErrorException($"{other.Name} would make another run than that in {parsed.GetValue(task)}: leave it out, or name a task.")
            : Place(parsed, made with { Resume = false });

    private RunSpec Place(ParseResult parsed, RunSpec spec)
    {
        var directory = Path.GetFullPath(parsed.GetValue(output) ?? Path.Combine("runs", $"{spec.Task}-{DateTime.Now:yyyyMMdd-HHmmss}"));
        spec = spec with
        {
            RunId = Path.GetFileName(directory),
            Workers = AtLeast(parsed.GetValue(workers), 1, "--workers"),
            Output = directory,
            CheckpointEvery = AtLeast(parsed.GetValue(checkpointEvery), 0, "--checkpoint-every"),
            Keep = AtLeast(parsed.GetValue(keep), 1, "--keep"),
            MinWorkers = AtLeast(parsed.GetValue(minWorkers), 0, "--min-workers"),
            Priority = parsed.GetValue(priority),
            Exchange = parsed.GetValue(exchange) == Coordinator ? ExchangeKind.Coordinator : ExchangeKind.PeerToPeer,
        };
        return spec.Workers <= spec.Shards ? spec : throw new UserErrorException(
            $"--workers {spec.Workers} is more than --shards {spec.Shards}: a worker needs a shard at least. Raise --shards (the weights depend on it) or take fewer workers.");
    }

    /// <exception cref="UserErrorException"/>
    public static T AtLeast<T>(T value, T least, string name) where T : IComparable<T> => value.CompareTo(least) >= 0
        ? value
        : throw new UserErrorException($"{name} {value} is too small: at least {least}.");

    private static Dictionary<string, string> ReadSettings(string[] pairs)
    {
        var settings = new Dictionary<string, string>();
        foreach (var pair in pairs)
        {
            var parts = pair.Split('=', 2);
            settings[parts[0]] = parts.Length == 2 ? parts[1] : throw new UserErrorException($"--set {pair} is not of the form key=value.");
        }
        return settings;
    }
}

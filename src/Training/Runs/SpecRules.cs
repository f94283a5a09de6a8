using Granary.Training.Frames;
using Granary.Training.Tasks;
using Granary.Training.Wording;

namespace Granary.Training.Runs;

/// <summary>A spec holds what it may not hold. The message names the value, the range and the cure.</summary>
public sealed class SpecException(string message) : Exception(message);

/// <summary>What a spec may hold, for the gateway, the command line and everybody else: the only place that says so.</summary>
public static class SpecRules
{
    /// <summary>More steps or epochs than any run makes; what is computed from them stays within 64 bits.</summary>
    public const long MostSteps = 1_000_000_000_000, MostEpochs = 1_000_000_000;

    private const int LongestId = 100, LongestText = 4096, MostEntries = 1000, MostKept = 1_000_000;

    /// <summary>Checks everything that can be told from the spec alone.</summary>
    /// <exception cref="SpecException"/>
    /// <exception cref="UnknownTaskException"/>
    /// <exception cref="TaskSettingException"/>
    public static void Check(RunSpec spec, TaskCatalog tasks)
    {
        CheckValues(spec);
        TaskSettings.Complete(tasks[spec.Task], spec.Settings);
    }

    /// <summary>What is wrong with a spec that was read from a file, whatever tasks there are; <see langword="null"/>: nothing is.</summary>
    public static string? Complaint(RunSpec spec)
    {
        try
        {
            CheckValues(spec);
            CheckPaths(spec);
            return null;
        }
        catch (SpecException wrong)
        {
            return wrong.Message;
        }
    }

    /// <summary>Checks all but the task and its settings, which another program may know, and where its paths lead, which the silo knows.</summary>
    /// <exception cref="SpecException"/>
    public static void CheckValues(RunSpec spec)
    {
        CheckId(spec.RunId);
        Text("task", spec.Task);
        foreach (var (name, path) in Paths(spec))
        {
            Text(name, path);
        }
        CheckMap(spec);
        Check("shards", spec.Shards, 1, ShardLedger.MostShards);
        Check("workers", spec.Workers, 1, spec.Shards, "a worker needs a shard at least. Raise shards (the weights depend on it) or take fewer workers");
        Check("min-workers", spec.MinWorkers, 0, spec.Workers, "a run waits for all its workers at most");
        Check("checkpoint-every", spec.CheckpointEvery, 0, MostSteps);
        Check("verify-every", spec.VerifyEvery, 1, MostSteps);
        Check("histograms-every", spec.HistogramsEvery, 0, MostSteps);
        Check("keep", spec.Keep, 1, MostKept);
        if (spec.Steps is { } steps)
        {
            Check("steps", steps, 1, MostSteps);
        }
        if (spec.Epochs is { } epochs && !(epochs is > 0 and <= MostEpochs))
        {
            throw Wrong("epochs", $"{epochs}", $"it takes a number above 0, at most {MostEpochs}");
        }
        if (spec is { Steps: not null, Epochs: not null })
        {
            throw new SpecException("A run has steps or epochs, not both.");
        }
        if (spec.Device != DeviceName.Any && (!DeviceName.IsValid(spec.Device) || DeviceName.KindOf(spec.Device) != spec.Device))
        {
            throw Wrong("device", Shown.Value(spec.Device), $"it takes {DeviceName.Cpu}, {DeviceName.Cuda} or {DeviceName.Auto}");
        }
        if (!Enum.IsDefined(spec.Exchange))
        {
            throw Wrong("exchange", $"{spec.Exchange}", $"it takes {string.Join(" or ", Enum.GetNames<ExchangeKind>())}");
        }
        CheckEntries("settings", spec.Settings);
        CheckEntries("switches", spec.Switches);
        CheckEntries("data files", spec.DataFiles);
        CheckEntries("files of initial weights", spec.InitFiles);
        CheckEntries("files of settings", spec.SettingFiles);
        CheckEntries("versions", spec.Versions);
    }

    /// <summary>Ids go into logs, metrics and file names: letters, digits and <c>-_.</c>, at most 100, a letter or digit first.</summary>
    /// <exception cref="SpecException"/>
    public static void CheckId(string id)
    {
        if (id.Length is 0 or > LongestId || !char.IsAsciiLetterOrDigit(id[0]) || id.Any(letter => !char.IsAsciiLetterOrDigit(letter) && letter is not ('-' or '_' or '.')))
        {
            throw Wrong("id", Shown.Value(id), $"it takes letters, digits and the signs -_., a letter or digit first, at most {LongestId} in all");
        }
    }

    /// <summary>Checks that the paths are whole: there is nothing that they could be relative to.</summary>
    /// <exception cref="SpecException"/>
    internal static void CheckPaths(RunSpec spec)
    {
        foreach (var (name, path) in Paths(spec))
        {
            CheckWhole(name, path);
        }
    }

    /// <summary>The same of one path.</summary>
    /// <exception cref="SpecException"/>
    internal static void CheckWhole(string name, string path)
    {
        if (!Path.IsPathFullyQualified(path))
        {
            throw Wrong(name, Shown.Value(path), "it takes a path from the root on, such as /runs/first");
        }
    }

    /// <summary>The number of workers that a run may be scaled to.</summary>
    /// <exception cref="SpecException"/>
    public static void CheckWorkers(TrainingSpec spec, int workers) => Check("workers", workers, 1, spec.Shards, $"the run has {spec.Shards} shards");

    private static void Check(string name, long value, long least, long most, string? why = null)
    {
        if (value < least || value > most)
        {
            throw Wrong(name, $"{value}", $"it takes {least} to {most}{(why is null ? "" : $": {why}")}");
        }
    }

    private static IEnumerable<(string Name, string Path)> Paths(RunSpec spec) =>
        new[] { ("output", spec.Output), ("data", spec.Data), ("init", spec.Init) }.Where(path => path.Item2 is not null)!;

    private static void CheckMap(TrainingSpec spec)
    {
        if ((spec.InitMap ?? throw Wrong("map", "null", "it takes rules")).Count > MostEntries)
        {
            throw new SpecException($"A run cannot have {spec.InitMap.Count} rules for the names of its initial weights: at most {MostEntries}.");
        }
        var rules = spec.InitMap.Select(rule => Text("map", rule ?? throw Wrong("map", "null", "it takes a text"))).ToList();
        if (spec.Init is null && rules.Count > 0)
        {
            throw new SpecException($"The rule '{Shown.Value(rules[0])}' is for the names of initial weights, and there are none: say with init which.");
        }
        try
        {
            _ = new WeightMap(rules);
        }
        catch (WeightMapException wrong)
        {
            throw new SpecException(wrong.Message);
        }
    }

    private static void CheckEntries(string name, IReadOnlyDictionary<string, string> entries)
    {
        if (entries.Count > MostEntries)
        {
            throw new SpecException($"A run cannot have {entries.Count} {name}: at most {MostEntries}.");
        }
        foreach (var (key, value) in entries)
        {
            Text(name, key);
            // A file may say null where null is not allowed.
            Text(key, value ?? throw Wrong(Shown.Value(key), "null", "it takes a text"), mayBeEmpty: true);
        }
    }

    private static string Text(string name, string text, bool mayBeEmpty = false) =>
        (mayBeEmpty || text.Length > 0) && text.Length <= LongestText && !text.Any(char.IsControl)
            ? text
            : throw Wrong(name, Shown.Value(text), $"it takes {(mayBeEmpty ? 0 : 1)} to {LongestText} letters, none of them a control character");

    private static SpecException Wrong(string name, string value, string takes) => new($"'{name}' cannot be '{value}': {takes}.");
}

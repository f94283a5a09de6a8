namespace Granary.Cluster.Tests.Client;

/// <summary>A value that an option or argument takes, and one that it does not.</summary>
/// <param name="Bad"><see langword="null"/>: any text is good; what is wrong is to give none.</param>
internal sealed record Value(string Good, string? Bad)
{
    /// <summary>An option that takes no value.</summary>
    public static Value Flag { get; } = new("", "=perhaps");
}

/// <summary>Good and bad values of every option and argument of every command: a new one needs its line here.</summary>
/// <param name="runs">Holds a run of <c>two-layer</c>, of <c>lm</c> and of <c>word2vec</c>, each in a folder of its task's name.</param>
internal sealed class CommandValues(string runs, string server)
{
    private readonly Dictionary<string, Value> values = new()
    {
        ["task"] = new("two-layer", "lmm"),
        ["task|rundir"] = new("two-layer", "/nowhere"),
        ["rundir"] = new(Path.Combine(runs, "two-layer"), "/nowhere"),
        ["generate rundir"] = new(Path.Combine(runs, "lm"), "/nowhere"),
        ["predict rundir"] = new(Path.Combine(runs, "fizzbuzz"), "/nowhere"),
        ["nearest rundir"] = new(Path.Combine(runs, "word2vec"), "/nowhere"),
        ["analogy rundir"] = new(Path.Combine(runs, "word2vec"), "/nowhere"),
        ["export rundir"] = new(Path.Combine(runs, "word2vec"), "/nowhere"),
        ["inspect file"] = new(Path.Combine(runs, "two-layer", "checkpoints", "00000002", "model.safetensors"), "/nowhere"),
        ["input"] = new("15", "fifteen"),
        ["word"] = new("w1", "zebra"),
        ["a"] = new("w1", "zebra"),
        ["b"] = new("w2", "zebra"),
        ["c"] = new("w4", "zebra"),
        ["path"] = new(Path.Combine(runs, "vectors.txt"), "/dev/null/vectors.txt"),
        ["name"] = new("mnist", "nmist"),
        ["token create name"] = new("anna", "a b"),
        ["token revoke name"] = new("anna", "nobody"),
        ["folder"] = new(Path.Combine(runs, "certificates"), "/dev/null/certificates"),
        ["run"] = new("first", "a b"),
        ["workers"] = new("2", "0"),
        ["runsdir"] = new(runs, "/nowhere"),
        ["node"] = new("silo-0", "nowhere"),

        ["--attached"] = Value.Flag,
        ["--authority"] = new(Path.Combine(runs, "authority.pem"), "/nowhere.pem"),
        ["--checkpoint-every"] = new("10", "-1"),
        ["--config"] = new(Path.Combine(runs, "silo.json"), "/nowhere.json"),
        ["--count"] = new("3", "-1"),
        ["--data"] = new(Path.Combine(runs, "text.txt"), "/nowhere"),
        ["--epochs"] = new("1.5", "NaN"),
        ["--exchange"] = new("peer", "pigeon"),
        ["--file"] = new(Path.Combine(runs, "tokens"), "/dev/null/tokens"),
        ["--follow"] = Value.Flag,
        ["--format"] = new("word2vec-binary", "pickle"),
        ["--from"] = new(Path.Combine(runs, "numbers.txt"), "/nowhere.txt"),
        ["--gates"] = Value.Flag,
        ["--host"] = new("granary.example", "a b"),
        ["--histograms-every"] = new("5", "-1"),
        ["--id"] = new("first", "a b"),
        ["--init"] = new(Path.Combine(runs, "two-layer"), "/nowhere"),
        ["--input"] = new(Path.Combine(runs, "picture.png"), "/nowhere.png"),
        ["--json"] = Value.Flag,
        ["--keep"] = new("2", "0"),
        ["--keep-logs"] = Value.Flag,
        ["--kills"] = new("2", "0"),
        ["--kinds"] = new("kill", "flood"),
        ["--map"] = new("a.*=b.*", "nonsense"),
        ["--min-workers"] = new("1", "-1"),
        ["--mirror"] = new("http://127.0.0.1:1/data", "nonsense"),
        ["--other-machine"] = Value.Flag,
        ["--now"] = Value.Flag,
        ["--out"] = new(Path.Combine(runs, "out"), "/dev/null/run"),
        ["generate --out"] = new(Path.Combine(runs, "text-of-lm.txt"), runs),
        ["run-job --out"] = new(Path.Combine(runs, "job"), "/dev/null/run"), // no other command leaves a run there
        ["submit --out"] = new("/runs/out", null), // a path of the silos
        ["--open"] = Value.Flag,
        ["--pictures"] = new(Path.Combine(runs, "pictures"), "/dev/null/pictures"),
        ["--patience"] = new("90s", "60"),
        ["--device"] = new("cpu", "gpu"),
        ["--port"] = new("8090", "70000"),
        ["--priority"] = new("-1", "high"),
        ["--processes"] = new("2", "0"),
        ["--prompt"] = new("w1", null),
        ["--quiet"] = Value.Flag,
        ["--reason"] = new("enough", null),
        ["--redis"] = new("127.0.0.1:6379", null),
        ["--report"] = new(Path.Combine(runs, "report.json"), "/dev/null/report.json"),
        ["--role"] = new("operator", "admin"),
        ["--seed"] = new("7", "-1"),
        ["--server"] = new(server, "nonsense"),
        ["--set"] = new("batch=32", "nonsense"),
        ["--shards"] = new("3", "0"),
        ["--steps"] = new("20", "0"),
        ["--summary"] = new(Path.Combine(runs, "summary.json"), "/dev/null/summary.json"),
        ["--task"] = new("two-layer", "lm"),
        ["--temperature"] = new("0.8", "-1"),
        ["--top"] = new("3", "0"),
        ["--top-k"] = new("5", "0"),
        ["--top-p"] = new("0.9", "1.5"),
        ["--token"] = new("granary_secret", null),
        ["--to"] = new(Path.Combine(runs, "data"), "/dev/null/data"),
        ["--training-seed"] = new("7", "-1"),
        ["--ui"] = new("8090", "70000"),
        ["--undo"] = Value.Flag,
        ["--verbose"] = Value.Flag,
        ["--verify-every"] = new("5", "-1"),
        ["--wait"] = Value.Flag,
        ["--workers"] = new("2", "0"),
    };

    /// <summary>What has been asked for.</summary>
    public HashSet<string> Used { get; } = [];

    public IEnumerable<string> Names => values.Keys;

    /// <param name="command">Names that mean something else there have a line for it.</param>
    public Value Of(string command, string name)
    {
        var key = values.ContainsKey($"{command} {name}") ? $"{command} {name}" : name;
        Used.Add(key);
        return values.TryGetValue(key, out var value) ? value : throw new InvalidOperationException($"'{name}' of granary {command} has no good and bad value in {nameof(CommandValues)}.");
    }
}

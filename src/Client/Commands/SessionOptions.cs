using System.CommandLine;

namespace Granary.Client.Commands;

/// <summary>The options of a command that runs a cluster of its own: <c>train</c> and <c>resume</c>.</summary>
internal sealed class SessionOptions
{
    private readonly Option<int> processes = new("--processes") { Description = "Processes to spread the workers over. The weights do not depend on it.", DefaultValueFactory = _ => 1 };
    private readonly Option<string?> redis = new("--redis") { Description = "With several processes: a running Redis, HOST:PORT. Default: one is started." };
    private readonly Option<string?> summary = new("--summary") { Description = "Write the result as JSON into this file." };
    private readonly Option<bool> quiet = new("--quiet") { Description = "Say nothing but errors." };

    public SessionOptions(Command command)
    {
        foreach (var option in new Option[] { processes, redis, summary, quiet })
        {
            command.Options.Add(option);
        }
    }

    public int Processes(ParseResult parsed) => SpecOptions.AtLeast(parsed.GetValue(processes), 1, "--processes");

    public string? Redis(ParseResult parsed) => parsed.GetValue(redis);

    public string? Summary(ParseResult parsed) => parsed.GetValue(summary);

    public bool Quiet(ParseResult parsed) => parsed.GetValue(quiet);
}

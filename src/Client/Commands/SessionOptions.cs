using System.CommandLine;

namespace Granary.Client.Commands;

/// <summary>The options of a command that runs a cluster of its own: <c>train</c> and <c>resume</c>.</summary>
internal sealed class SessionOptions
{
    private readonly Option<int> processes = new("--processes") { Description = "Processes to spread the workers over. The weights do not depend on it.", DefaultValueFactory = _ => 1 };
    private readonly Option<string?> redis = new("--redis") { Description = "With several processes: a running Redis, HOST:PORT. Default: one is started." };

    public SessionOptions(Command command)
    {
        command.Options.Add(processes);
        command.Options.Add(redis);
    }

    public int Processes(ParseResult parsed) => SpecOptions.AtLeast(parsed.GetValue(processes), 1, processes.Name);

    public string? Redis(ParseResult parsed) => parsed.GetValue(redis);
}

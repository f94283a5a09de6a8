using System.CommandLine;

namespace Granary.Client.Commands;

/// <summary>The options of a command that runs a cluster of its own: <c>train</c> and <c>resume</c>.</summary>
internal sealed class SessionOptions
{
    private readonly Option<int> processes = new("--processes") { Description = "Processes to spread the workers over. The weights do not depend on it.", DefaultValueFactory = _ => 1 };
    private readonly Option<string?> redis = new("--redis") { Description = "With several processes: a running Redis, HOST:PORT. Default: one is started." };

    private readonly Option<int?> ui = new("--ui") { Description = "Serve a page that shows the run while it is under way, on this machine only; its address is printed. Default of PORT: any free one.", Arity = ArgumentArity.ZeroOrOne, HelpName = "PORT" };

    public SessionOptions(Command command)
    {
        command.Options.Add(ui);
        command.Options.Add(processes);
        command.Options.Add(redis);
    }

    public int Processes(ParseResult parsed) => SpecOptions.AtLeast(parsed.GetValue(processes), 1, processes.Name);

    /// <summary>The port of the page, 0 for any; <see langword="null"/>: nobody wants one.</summary>
    /// <exception cref="Training.Wording.UserErrorException">It is no port.</exception>
    public int? Page(ParseResult parsed) => parsed.GetResult(ui) is null or { Implicit: true } ? null : UiCommand.PortOf(parsed.GetValue(ui) ?? 0, ui.Name);

    public string? Redis(ParseResult parsed) => parsed.GetValue(redis);
}

using Granary.Client;

namespace Granary.Cluster.Tests;

internal static partial class CommandLine
{
    /// <summary>Runs a command within this process: for what a command does, as it takes seconds to start a program.</summary>
    public static Task<CommandResult> RunAsync(params string[] arguments) => CapturedConsole.OfAsync(() => GranaryApp.RunAsync(arguments)).WaitAsync(patience);
}

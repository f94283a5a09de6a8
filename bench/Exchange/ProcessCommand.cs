using System.CommandLine;

namespace Granary.Bench.Exchange;

/// <summary>One process of a sum between processes; started by <see cref="ProcessSums"/>, not by people.</summary>
internal static class ProcessCommand
{
    public const string Name = "exchange-process";

    public static Command Create()
    {
        var command = new Command(Name, "Takes part in a sum between processes.") { Hidden = true };
        command.SetAction((_, _) => ProcessSums.TakePartAsync());
        return command;
    }
}

using System.CommandLine;
using Granary.Client.Commands;
using Granary.Client.Sessions;
using Granary.Client.Views;

namespace Granary.Client;

/// <summary>
/// The <c>granary</c> command line: however it ends, it gives an exit code and, if that is not well, one line. A program of one's own that runs it
/// is <c>granary</c>, with all its commands, and can train its own learners besides the built-in ones.
/// </summary>
public static class GranaryApp
{
    private const string Summary = """
        Trains TorchSharp models on any number of workers, with the same bits.

        Exit codes: 0 done; 1 the run has failed, or what was asked for cannot be done; 2 the command line is not understood;
        3 the server does not answer any more, and how the run goes is not known; 70 a defect of Granary; 130 interrupted, or
        the run was cancelled.
        """;

    internal static RootCommand CreateCommands(Option<bool> verbose) => new(Summary)
    {
        TasksCommand.Create(),
        TrainCommand.Create(verbose),
        ResumeCommand.Create(verbose),
        RunJobCommand.Create(verbose),
        ChaosCommand.Create(),
        ShowCommand.Create(),
        InspectCommand.Create(),
        EvaluateCommand.Create(),
        PredictCommand.Create(),
        WordCommands.CreateNearest(),
        WordCommands.CreateAnalogy(),
        ExportCommand.Create(),
        GenerateCommand.Create(),
        DataCommand.Create(),
        DoctorCommand.Create(verbose),
        UiCommand.Create(verbose),
        SiloCommand.Create(verbose),
        RunCommands.CreateSubmit(),
        ClusterCommands.CreateList(),
        RunCommands.CreateWatch(),
        LogsCommand.Create(),
        RunCommands.CreateCancel(),
        RunCommands.CreatePause(),
        RunCommands.CreateScale(),
        ClusterCommands.CreateNodes(),
        ClusterCommands.CreateDrain(),
        ClusterCommands.CreateHealth(),
        LoginCommand.Create(),
        TokenCommand.Create(),
        CertificatesCommand.Create(),
        verbose,
    };

    /// <summary>To be called by the main thread, which only waits: signals come to it first, and a thread that is stuck in a read of a dead file system hears none.</summary>
    /// <returns>The exit code.</returns>
    public static Task<int> RunAsync(string[] arguments)
    {
        var verbose = new Option<bool>("--verbose") { Description = "Log what the cluster does; show errors with their origin.", Recursive = true };
        return Task.Run(() => RunAsync(CreateCommands(verbose), verbose, arguments));
    }

    /// <returns>The exit code.</returns>
    internal static async Task<int> RunAsync(RootCommand commands, Option<bool> verbose, string[] arguments)
    {
        // A word that begins with @ is a word, not the name of a file with more of them.
        var parsed = commands.Parse(arguments, new() { ResponseFileTokenReplacer = null });
        if (Misuse.Of(parsed) is { } misuse)
        {
            ErrorLine.Say(misuse);
            return ExitCode.Misused;
        }
        var shows = parsed.GetValue(verbose);
        UnhandledExceptionEventHandler report = (_, unhandled) => Interruption.Exit(Report((Exception)unhandled.ExceptionObject, shows));
        AppDomain.CurrentDomain.UnhandledException += report;
        try
        {
            // Ctrl+C belongs to the commands: the first ends a run in good order.
            return await parsed.InvokeAsync(new() { EnableDefaultExceptionHandler = false, ProcessTerminationTimeout = null });
        }
        catch (Exception error)
        {
            return Report(error, shows);
        }
        finally
        {
            AppDomain.CurrentDomain.UnhandledException -= report;
        }
    }

    private static int Report(Exception error, bool withOrigin)
    {
        if (withOrigin)
        {
            Console.Error.WriteLine(error);
        }
        var (line, exitCode) = ErrorLine.For(error);
        ErrorLine.Say(line);
        return exitCode;
    }
}

using System.Runtime.InteropServices;
using Granary.Client.Views;
using Spectre.Console;

namespace Granary.Client.Sessions;

/// <summary>
/// Ctrl+C, SIGTERM and a closed terminal: the first asks for an end in good order, a second Ctrl+C or SIGTERM ends the program
/// at once. A closed terminal never does that: the shell and the system may each send a signal for it.
/// </summary>
internal sealed partial class Interruption : IDisposable
{
    private readonly CancellationTokenSource asked = new();
    private readonly PosixSignalRegistration[] signals;
    private int wanted;

    public Interruption() => signals =
    [
        PosixSignalRegistration.Create(PosixSignal.SIGINT, OnSignal),
        PosixSignalRegistration.Create(PosixSignal.SIGTERM, OnSignal),
        PosixSignalRegistration.Create(PosixSignal.SIGHUP, OnSignal),
    ];

    /// <summary>Cancelled by the first signal.</summary>
    public CancellationToken Asked => asked.Token;

    /// <summary>Whether only the terminal has gone: nobody has asked for an end.</summary>
    public bool TerminalGone => Asked.IsCancellationRequested && wanted == 0;

    public void Dispose()
    {
        foreach (var signal in signals)
        {
            signal.Dispose();
        }
        asked.Dispose();
    }

    private void OnSignal(PosixSignalContext signal)
    {
        signal.Cancel = true;
        if (signal.Signal != PosixSignal.SIGHUP && Interlocked.Increment(ref wanted) > 1)
        {
            EndAtOnce(ExitCode.Interrupted);
        }
        asked.Cancel();
    }

    /// <summary>
    /// Without the exit handlers that <see cref="Environment.Exit"/> runs: they take libtorch apart under threads that are
    /// still training, and the program would now and then end with a segmentation fault instead.
    /// </summary>
    private static void EndAtOnce(int exitCode)
    {
        try
        {
            if (!Console.IsOutputRedirected)
            {
                AnsiConsole.Cursor.Show();
            }
        }
        finally
        {
            Exit(exitCode);
        }
    }

    [LibraryImport("libc", EntryPoint = "_exit")]
    public static partial void Exit(int exitCode);
}

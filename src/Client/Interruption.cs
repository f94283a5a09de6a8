using System.Runtime.InteropServices;
using Spectre.Console;

namespace Granary.Client;

/// <summary>Ctrl+C and SIGTERM: the first asks for an end in good order, the second ends the program at once.</summary>
internal sealed partial class Interruption : IDisposable
{
    private readonly CancellationTokenSource asked = new();
    private readonly PosixSignalRegistration[] signals;

    public Interruption() => signals =
    [
        PosixSignalRegistration.Create(PosixSignal.SIGINT, OnSignal),
        PosixSignalRegistration.Create(PosixSignal.SIGTERM, OnSignal),
    ];

    /// <summary>Cancelled by the first signal.</summary>
    public CancellationToken Asked => asked.Token;

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
        if (asked.IsCancellationRequested)
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
        if (!Console.IsOutputRedirected)
        {
            AnsiConsole.Cursor.Show();
        }
        Exit(exitCode);
    }

    [LibraryImport("libc", EntryPoint = "_exit")]
    private static partial void Exit(int exitCode);
}

using System.Runtime.InteropServices;

namespace Granary.Client;

/// <summary>Ctrl+C and SIGTERM: the first asks for an end in good order, the second ends the program at once.</summary>
internal sealed class Interruption : IDisposable
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
            Environment.Exit(ExitCode.Interrupted);
        }
        asked.Cancel();
    }
}

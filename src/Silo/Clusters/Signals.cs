using System.Diagnostics;
using System.Runtime.InteropServices;

namespace Granary.Silo.Clusters;

/// <summary>Signals to processes of a cluster, by their numbers on Linux.</summary>
public static partial class Signals
{
    public const int Kill = 9, Terminate = 15, Continue = 18, Stop = 19;

    /// <summary>A process that has ended gets none.</summary>
    public static void Send(Process process, int signal)
    {
        try
        {
            if (!process.HasExited)
            {
                _ = SendSignal(process.Id, signal);
            }
        }
        catch (InvalidOperationException)
        {
            // Disposed, so it has ended.
        }
    }

    [LibraryImport("libc", EntryPoint = "kill")]
    private static partial int SendSignal(int processId, int signal);
}

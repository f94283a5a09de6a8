using System.Diagnostics;
using System.Runtime.InteropServices;

namespace Granary.LocalClusters;

/// <summary>Signals to processes of a cluster, by their numbers on Linux.</summary>
public static partial class Signals
{
    public const int Kill = 9, Terminate = 15, Continue = 18, Stop = 19;

    /// <summary>Of a process that was sent <see cref="Kill"/>.</summary>
    internal const int ExitCodeOfKilled = 128 + Kill;
    private static readonly TimeSpan StoppingTime = TimeSpan.FromSeconds(5), LookAgain = TimeSpan.FromMilliseconds(1);

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

    /// <summary>
    /// Stops a process and waits until it stands still: the thread that is to take the signal may wait for a processor while
    /// others of the process run on.
    /// </summary>
    public static async Task StopAsync(Process process)
    {
        Send(process, Stop);
        var sent = Stopwatch.GetTimestamp();
        while (Stopwatch.GetElapsedTime(sent) < StoppingTime && !StandsStill(process))
        {
            await Task.Delay(LookAgain);
        }
    }

    private static bool StandsStill(Process process)
    {
        try
        {
            // The state follows the thread's name, which stands in brackets and may hold anything.
            return process.HasExited || Directory.EnumerateDirectories($"/proc/{process.Id}/task")
                .Select(thread => File.ReadAllText(Path.Combine(thread, "stat")))
                .All(stat => stat[(stat.LastIndexOf(')') + 2)..].StartsWith('T'));
        }
        catch (IOException)
        {
            return false; // a thread has just ended
        }
    }

    [LibraryImport("libc", EntryPoint = "kill")]
    private static partial int SendSignal(int processId, int signal);
}

using System.Diagnostics;

namespace Granary.Silo;

/// <summary>
/// Ends the process if it does not end by itself in time after it was told to: then its supervisor need not kill it, and the
/// reason is told.
/// </summary>
internal sealed class EndLimit : IDisposable
{
    private const int NotEnded = 4;
    private static readonly TimeSpan ExitTime = TimeSpan.FromSeconds(5);
    private readonly Timer timer;
    private readonly CancellationTokenRegistration registration;
    private string waitsFor = "its runs to go on elsewhere, or its cluster to take its leave";

    /// <param name="stopping">Cancelled when the process is told to end.</param>
    /// <param name="end">Takes the line that says why.</param>
    public EndLimit(CancellationToken stopping, TimeSpan limit, Action<string> end)
    {
        timer = new(_ => end($"The silo did not end within {limit.TotalSeconds:0} s of being told to: it waited for {Volatile.Read(ref waitsFor)}."));
        registration = stopping.Register(() => timer.Change(limit, Timeout.InfiniteTimeSpan));
    }

    /// <summary>Says what the end waits for from now on.</summary>
    public void WaitsFor(string what) => Volatile.Write(ref waitsFor, what);

    public void Dispose()
    {
        registration.Dispose();
        timer.Dispose();
    }

    /// <summary>Ends this process with exit code 4, and by force if that does not help either.</summary>
    public static void EndProcess(string why)
    {
        Console.Error.WriteLine($"granary: {why}");
        new Thread(() =>
        {
            Thread.Sleep(ExitTime);
            Process.GetCurrentProcess().Kill();
        }) { IsBackground = true }.Start();
        Environment.Exit(NotEnded);
    }
}

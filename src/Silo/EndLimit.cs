using System.Diagnostics;
using Microsoft.Extensions.Hosting;

namespace Granary.Silo;

/// <summary>
/// Ends the process if it does not end by itself within a time of being told to, so that whoever supervises it need not kill
/// it, and somebody says why.
/// </summary>
internal sealed class EndLimit : IDisposable
{
    /// <summary>What the host's services may take beyond the silo's grace.</summary>
    public static readonly TimeSpan Services = TimeSpan.FromSeconds(30);

    private const int NotEnded = 3;
    private static readonly TimeSpan Margin = TimeSpan.FromSeconds(15), ExitTime = TimeSpan.FromSeconds(5);
    private readonly Timer timer;
    private readonly CancellationTokenRegistration registration;
    private string waitsFor = "its runs to go on elsewhere, or its cluster to take its leave";

    public EndLimit(IHostApplicationLifetime lifetime, TimeSpan grace)
    {
        var limit = grace + Services + Margin;
        timer = new(_ => End(limit));
        registration = lifetime.ApplicationStopping.Register(() => timer.Change(limit, Timeout.InfiniteTimeSpan));
    }

    /// <summary>From now on.</summary>
    public void WaitsFor(string what) => Volatile.Write(ref waitsFor, what);

    public void Dispose()
    {
        registration.Dispose();
        timer.Dispose();
    }

    private void End(TimeSpan limit)
    {
        Console.Error.WriteLine($"granary: The silo did not end within {limit.TotalSeconds:0} s of being told to: it waited for {Volatile.Read(ref waitsFor)}.");
        new Thread(() =>
        {
            Thread.Sleep(ExitTime);
            Process.GetCurrentProcess().Kill();
        }) { IsBackground = true }.Start();
        Environment.Exit(NotEnded);
    }
}

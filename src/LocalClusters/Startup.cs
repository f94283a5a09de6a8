using System.Diagnostics;
using System.Net.Sockets;
using Granary.Silo.Settings;

namespace Granary.LocalClusters;

/// <summary>Waits for a process of the cluster to answer.</summary>
internal static class Startup
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan AttemptTime = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(50);

    /// <param name="reason">What is known about why it does not answer.</param>
    /// <exception cref="ClusterStartException">The process has ended, or does not answer in time.</exception>
    public static async Task WaitAsync(string what, Process process, Func<CancellationToken, Task> attempt, Func<string> reason)
    {
        var started = Stopwatch.GetTimestamp();
        while (true)
        {
            using var timeout = new CancellationTokenSource(AttemptTime);
            try
            {
                await attempt(timeout.Token);
                return;
            }
            catch (Exception error) when (error is SocketException or HttpRequestException or OperationCanceledException)
            {
                if (process.HasExited)
                {
                    throw new ClusterStartException($"{what} did not start: {reason()}", error);
                }
                if (Stopwatch.GetElapsedTime(started) > Patience)
                {
                    throw new ClusterStartException($"{what} did not answer within {Patience.TotalSeconds:0} s: {reason()}", error);
                }
                await Task.Delay(Pause);
            }
        }
    }
}

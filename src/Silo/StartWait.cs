using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using Granary.Silo.Settings;
using Microsoft.Extensions.Logging;
using StackExchange.Redis;

namespace Granary.Silo;

/// <summary>Waits at a silo's start for what may come later than the silo, and says for what.</summary>
/// <param name="ended">Cancelled when the silo is told to end before it has begun.</param>
internal sealed partial class StartWait(TimeSpan patience, ILogger<StartWait> logger, CancellationToken ended)
{
    private const string RedisSetting = "Granary:Cluster:Redis";
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(1), RemindEvery = TimeSpan.FromSeconds(5);

    /// <exception cref="ClusterStartException">It does not answer in time, or does not let this silo in.</exception>
    public async Task<ConnectionMultiplexer> ForRedisAsync(ConfigurationOptions configuration)
    {
        var connection = new RedisConnection(configuration);
        return await ForAsync($"Redis at {connection.Address} ({RedisSetting})", RedisConnection.Cure, connection.OpenAsync);
    }

    /// <summary>The IPv4 address that a name stands for.</summary>
    /// <exception cref="ClusterStartException">It stands for none in time.</exception>
    public Task<IPAddress> ForAddressAsync(string name, string setting) =>
        ForAsync($"the address of {name} ({setting})", "Write this machine's IPv4 address, or a name for it.", async () =>
            (await Dns.GetHostAddressesAsync(name, AddressFamily.InterNetwork)).FirstOrDefault() ?? throw new SocketException((int)SocketError.NoData));

    private async Task<T> ForAsync<T>(string what, string cure, Func<Task<T>> attempt)
    {
        var began = Stopwatch.GetTimestamp();
        for (var said = TimeSpan.Zero; ;)
        {
            try
            {
                return await attempt().WaitAsync(ended);
            }
            catch (Exception error) when (RedisConnection.IsFault(error))
            {
                var waited = Stopwatch.GetElapsedTime(began);
                var reason = RedisConnection.Reason(error);
                if (RedisConnection.IsRefusal(error))
                {
                    throw new ClusterStartException($"The user or password of this silo is refused by {what}.", error);
                }
                if (waited >= patience)
                {
                    throw new ClusterStartException($"Waited {patience.TotalSeconds:0} s for {what}: {reason}. {cure}", error);
                }
                if (waited >= said)
                {
                    said = waited + RemindEvery;
                    LogWaits(what, reason, patience);
                }
                await Task.Delay(Pause, ended);
            }
        }
    }

    [LoggerMessage(LogLevel.Warning, "Waits for {What}: {Reason}. Gives up after {Patience} (Granary:Cluster:StartPatience)")]
    private partial void LogWaits(string what, string reason, TimeSpan patience);
}

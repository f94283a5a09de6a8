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
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(1), RemindEvery = TimeSpan.FromSeconds(5);

    /// <exception cref="ClusterStartException">It does not answer in time, or does not let this silo in.</exception>
    public async Task<ConnectionMultiplexer> ForRedisAsync(string configuration)
    {
        var options = Parse(configuration);
        // Not the configuration itself, which may hold a password.
        var address = string.Join(", ", options.EndPoints.Select(one => one is DnsEndPoint name ? $"{name.Host}:{name.Port}" : one.ToString()));
        return await ForAsync($"Redis at {address} (Granary:Cluster:Redis)", "Start it (redis-server), or name another address.", async () =>
        {
            foreach (var name in options.EndPoints.OfType<DnsEndPoint>())
            {
                _ = await Dns.GetHostAddressesAsync(name.Host);
            }
            var redis = await ConnectionMultiplexer.ConnectAsync(options);
            try
            {
                // One that still loads its file takes connections, but answers nothing.
                await redis.GetDatabase().PingAsync();
                return redis;
            }
            catch
            {
                await redis.DisposeAsync();
                throw;
            }
        });
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
            catch (Exception error) when (error is RedisException or RedisTimeoutException or SocketException)
            {
                var waited = Stopwatch.GetElapsedTime(began);
                var reason = Reason(error);
                if (Refusal(error) is { } refusal)
                {
                    throw new ClusterStartException($"{refusal} by {what}.", error);
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

    /// <summary>What no waiting mends.</summary>
    private static string? Refusal(Exception error) =>
        error is RedisConnectionException { FailureType: ConnectionFailureType.AuthenticationFailure } || error.Message.StartsWith("NOAUTH", StringComparison.Ordinal) || error.Message.StartsWith("WRONGPASS", StringComparison.Ordinal)
            ? "The user or password of this silo is refused"
            : null;

    private static string Reason(Exception error) => error switch
    {
        SocketException => "the name does not resolve",
        RedisServerException said => said.Message.TrimEnd('.'),
        _ => "it does not take connections",
    };

    private static ConfigurationOptions Parse(string configuration)
    {
        try
        {
            var options = ConfigurationOptions.Parse(configuration);
            (options.ConnectTimeout, options.ConnectRetry, options.AbortOnConnectFail) = (3000, 1, true);
            return options.EndPoints.Count > 0 ? options : throw new ArgumentException("it names no host");
        }
        catch (ArgumentException wrong)
        {
            throw new ClusterStartException($"Granary:Cluster:Redis cannot be understood: {wrong.Message.TrimEnd('.')}. Write HOST:PORT, such as 127.0.0.1:6379.", wrong);
        }
    }

    [LoggerMessage(LogLevel.Warning, "Waits for {What}: {Reason}. Gives up after {Patience} (Granary:Cluster:StartPatience)")]
    private partial void LogWaits(string what, string reason, TimeSpan patience);
}

using System.Net;
using System.Net.Sockets;
using Granary.Silo.Settings;
using StackExchange.Redis;

namespace Granary.Silo;

/// <summary>A Redis that somebody has named.</summary>
/// <param name="setting">What it was named by, for messages.</param>
internal sealed class RedisConnection(string configuration, string setting)
{
    public const string Cure = "Start it (redis-server), or name another address.";
    private readonly ConfigurationOptions options = Parse(configuration, setting);

    /// <summary>Its address: not the configuration itself, which may hold a password.</summary>
    public string Address => string.Join(", ", options.EndPoints.Select(one => one is DnsEndPoint name ? $"{name.Host}:{name.Port}" : one.ToString()));

    /// <exception cref="RedisException"/>
    /// <exception cref="RedisTimeoutException"/>
    /// <exception cref="SocketException">Its name does not resolve.</exception>
    public async Task<ConnectionMultiplexer> OpenAsync()
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
    }

    public static bool IsFault(Exception error) => error is RedisException or RedisTimeoutException or SocketException;

    /// <summary>Whether no waiting mends it.</summary>
    public static bool IsRefusal(Exception error) =>
        error is RedisConnectionException { FailureType: ConnectionFailureType.AuthenticationFailure } || error.Message.StartsWith("NOAUTH", StringComparison.Ordinal) || error.Message.StartsWith("WRONGPASS", StringComparison.Ordinal);

    /// <summary>What is wrong, in a few words.</summary>
    public static string Reason(Exception error) => error switch
    {
        SocketException => "the name does not resolve",
        RedisServerException said => said.Message.TrimEnd('.'),
        _ => "it does not take connections",
    };

    private static ConfigurationOptions Parse(string configuration, string setting)
    {
        try
        {
            var options = ConfigurationOptions.Parse(configuration);
            (options.ConnectTimeout, options.ConnectRetry, options.AbortOnConnectFail) = (3000, 1, true);
            return options.EndPoints.Count > 0 ? options : throw new ArgumentException("it names no host");
        }
        catch (ArgumentException wrong)
        {
            throw new ClusterStartException($"{setting} cannot be understood: {wrong.Message.TrimEnd('.')}. Write HOST:PORT, such as 127.0.0.1:6379.", wrong);
        }
    }
}

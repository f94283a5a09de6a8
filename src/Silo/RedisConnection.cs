using System.Net;
using System.Net.Sockets;
using System.Security.Authentication;
using StackExchange.Redis;

namespace Granary.Silo;

/// <summary>A Redis that somebody has named.</summary>
internal sealed class RedisConnection(ConfigurationOptions configuration)
{
    public const string Cure = "Start it (redis-server), or name another address.";
    private readonly ConfigurationOptions options = Once(configuration);

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

    /// <summary>Whether no waiting mends it: the user or password is wrong.</summary>
    public static bool IsRefusal(Exception error) => !IsOfTls(error) && (error is RedisConnectionException { FailureType: ConnectionFailureType.AuthenticationFailure } || error.Message.StartsWith("NOAUTH", StringComparison.Ordinal) || error.Message.StartsWith("WRONGPASS", StringComparison.Ordinal));

    /// <summary>What is wrong, in a few words.</summary>
    public static string Reason(Exception error) => error switch
    {
        SocketException => "the name does not resolve",
        _ when IsOfTls(error) => "TLS with it fails, as one does not trust the other's certificate",
        RedisServerException said => said.Message.TrimEnd('.'),
        _ => "it does not take connections",
    };

    private static bool IsOfTls(Exception? error) => error is AuthenticationException || (error is not null && IsOfTls(error.InnerException));

    /// <summary>Tried by somebody who tries again.</summary>
    private static ConfigurationOptions Once(ConfigurationOptions configuration)
    {
        var options = configuration.Clone();
        (options.ConnectTimeout, options.ConnectRetry, options.AbortOnConnectFail) = (3000, 1, true);
        return options;
    }
}

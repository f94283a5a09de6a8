using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using System.Net;

namespace Granary.Silo.Settings;

/// <summary>How a silo finds its cluster and is found.</summary>
public sealed class SiloClusterOptions
{
    public const string Section = "Granary:Cluster";

    /// <summary>Silos of one id make one cluster. Default: granary.</summary>
    [RegularExpression("[A-Za-z0-9._-]{1,100}", ErrorMessage = "1 to 100 letters, digits, dots, dashes or underscores")]
    public string ClusterId { get; set; } = "granary";

    /// <summary>Redis, for membership and grain state: HOST:PORT, or whatever else StackExchange.Redis understands. Default: 127.0.0.1:6379.</summary>
    [RegularExpression(".+", ErrorMessage = "HOST:PORT, such as 127.0.0.1:6379")]
    [PasswordPropertyText(true)]
    public string Redis { get; set; } = "127.0.0.1:6379";

    /// <summary>A file that holds Redis' password and nothing else. Default: none; a password may also stand in <see cref="Redis"/>.</summary>
    [RegularExpression(@"[^\p{Cc}]+", ErrorMessage = "the path of a file")]
    public string? RedisPasswordFile { get; set; }

    /// <summary>How long a silo waits at its start for a Redis that does not answer, or a name that does not resolve yet. Default: 5 minutes.</summary>
    [Range(typeof(TimeSpan), "00:00:00", "1.00:00:00")]
    public TimeSpan StartPatience { get; set; } = TimeSpan.FromMinutes(5);

    /// <summary>The IPv4 address, or a name for it, under which other silos reach this one. Default: 127.0.0.1.</summary>
    [RegularExpression("[A-Za-z0-9._-]{1,253}", ErrorMessage = "an IPv4 address, such as 10.0.0.5, or a name")]
    public string AdvertisedAddress { get; set; } = IPAddress.Loopback.ToString();

    /// <summary>Between silos. Default: 11111.</summary>
    [Range(1, 65535)]
    public int SiloPort { get; set; } = 11111;

    /// <summary>For gRPC clients. Default: 8081.</summary>
    [Range(1, 65535)]
    public int GrpcPort { get; set; } = 8081;

    /// <summary>For /metrics and /healthz. Default: 8080.</summary>
    [Range(1, 65535)]
    public int HttpPort { get; set; } = 8080;
}

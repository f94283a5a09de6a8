using System.Net;

namespace Granary.Silo.Clusters;

/// <summary>How a silo finds its cluster and is found.</summary>
public sealed class SiloClusterOptions
{
    public const string Section = "Granary:Cluster";

    /// <summary>Silos of one id make one cluster. Default: granary.</summary>
    public string ClusterId { get; set; } = "granary";

    /// <summary>Redis, for membership and grain state. Default: 127.0.0.1:6379.</summary>
    public string Redis { get; set; } = "127.0.0.1:6379";

    /// <summary>The address that other silos reach this one by. Default: 127.0.0.1.</summary>
    public string AdvertisedAddress { get; set; } = IPAddress.Loopback.ToString();

    /// <summary>Between silos. Default: 11111.</summary>
    public int SiloPort { get; set; } = 11111;

    /// <summary>For Orleans clients. Default: 30000.</summary>
    public int GatewayPort { get; set; } = 30000;

    /// <summary>For gRPC clients. Default: 8081.</summary>
    public int GrpcPort { get; set; } = 8081;

    /// <summary>For /metrics and /healthz. Default: 8080.</summary>
    public int HttpPort { get; set; } = 8080;

    /// <summary>Whether anyone but this machine may connect: everything listens on all addresses then.</summary>
    public bool IsRemote => !IPAddress.IsLoopback(IPAddress.Parse(AdvertisedAddress));
}

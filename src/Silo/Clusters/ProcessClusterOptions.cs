namespace Granary.Silo.Clusters;

/// <summary>How a <see cref="ProcessCluster"/> is laid out.</summary>
public sealed record ProcessClusterOptions
{
    /// <summary>Silos, a process each.</summary>
    public required int Processes { get; init; }

    /// <summary>Slots in all, spread over the processes.</summary>
    public required int Workers { get; init; }

    /// <summary>Silos of one id make one cluster, whoever has started them. Default: an id of its own.</summary>
    public string ClusterId { get; init; } = $"granary-{Guid.NewGuid():N}";

    /// <summary>A running Redis, HOST:PORT. Default: one of the cluster's own.</summary>
    public string? Redis { get; init; }

    /// <summary>
    /// Whether every silo lives in a network of its own, which can be cut. Needs root and iproute2. Default: all share
    /// this machine's loopback.
    /// </summary>
    public bool SeparateNetworks { get; init; }

    /// <summary>Whether the silos' steps may be held up; see <see cref="SiloProcess.Say"/>. Default: no.</summary>
    public bool Gates { get; init; }
}

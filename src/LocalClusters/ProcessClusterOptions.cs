using System.Net;
using Granary.Training.Tasks;

namespace Granary.LocalClusters;

/// <summary>Where a silo's process lives.</summary>
/// <param name="Address">The address under which others reach it.</param>
/// <param name="Network">The path of a network namespace. Default: this program's.</param>
public sealed record SiloPlace(IPAddress Address, string? Network = null);

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

    /// <summary>Where each silo lives. Default: all share this machine's loopback.</summary>
    public IReadOnlyList<SiloPlace>? Places { get; init; }

    /// <summary>Where the cluster's own Redis is to be reached. Default: on this machine's loopback.</summary>
    public IPAddress RedisHost { get; init; } = IPAddress.Loopback;

    /// <summary>The first slot's device, the second's and so on; if they are fewer than slots, they begin again. Default: the processor.</summary>
    public IReadOnlyList<string> Devices { get; init; } = [DeviceName.Cpu];

    /// <summary>Further variables of the silos' environment, such as <c>Granary__Limits__Runs</c>. Default: none but this program's.</summary>
    public IReadOnlyDictionary<string, string> Environment { get; init; } = new Dictionary<string, string>();

    /// <summary>Where the first silo serves the page. Default: 0, any free port.</summary>
    public int PagePort { get; init; }

    /// <summary>Further arguments of the silos' command lines. Default: none.</summary>
    public IReadOnlyList<string> SiloArguments { get; init; } = [];
}

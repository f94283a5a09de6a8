using System.Net;
using Granary.Contracts;
using Granary.Grains.Slots;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;
using Orleans.Runtime;

namespace Granary.Grains.Cluster;

/// <summary>A silo as a place to train.</summary>
public sealed class NodeOptions
{
    public const string Section = "Granary:Node";

    /// <summary>The node's name, the same over restarts. Default: the machine's name.</summary>
    public string Name { get; set; } = Environment.MachineName;

    /// <summary>How many replicas the silo takes; 0: none, it only coordinates. Default: 1.</summary>
    public int Slots { get; set; } = 1;

    /// <summary>The address that other processes reach this one's gradients' port by. Default: 127.0.0.1.</summary>
    public string DataHost { get; set; } = IPAddress.Loopback.ToString();

    /// <summary>The port for gradients. Default: 0, any free one.</summary>
    public int DataPort { get; set; }

    /// <summary>How long an exchange waits for a silent peer before the round ends. Default: 60 seconds.</summary>
    public TimeSpan Patience { get; set; } = TimeSpan.FromSeconds(60);
}

/// <summary>Tells the cluster grain of this silo, again and again: the grain may have moved and forgotten.</summary>
internal sealed class NodeRegistration(
    IGrainFactory grains,
    ILocalSiloDetails silo,
    RoundRendezvous rendezvous,
    IOptions<NodeOptions> options,
    TimeProvider time) : BackgroundService
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(1);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        var node = options.Value;
        var info = new NodeInfo(node.Name, silo.SiloAddress.ToParsableString(), rendezvous.Process, node.DataHost, rendezvous.Port, node.Slots);
        using var timer = new PeriodicTimer(Interval, time);
        do
        {
            try
            {
                await grains.GetGrain<IClusterGrain>(0).RegisterAsync(info);
            }
            catch (Exception) when (!stoppingToken.IsCancellationRequested)
            {
                // The grain is on its way to another silo; the next turn finds it.
            }
        }
        while (await timer.WaitForNextTickAsync(stoppingToken));
    }
}

using System.Net;
using Granary.Contracts;
using Granary.Grains.Slots;
using Granary.Training.Exchange.Links;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
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

    /// <summary>
    /// How gradients travel to other processes of the same machine. Default: Auto, the fastest that works (shared memory, a Unix
    /// socket, TCP); Tcp keeps to the network; with SharedMemory or Unix a round fails where that does not
    /// work. Nodes that want different ones meet over TCP.
    /// </summary>
    public Transport Transport { get; set; } = Transport.Auto;

    /// <summary>How long an exchange waits for a silent peer before the round ends. Default: 60 seconds.</summary>
    public TimeSpan Patience { get; set; } = TimeSpan.FromSeconds(60);

    /// <summary>How long a silo that is told to end waits for its runs to go on elsewhere, or to write a checkpoint. Default: 30 seconds.</summary>
    public TimeSpan Grace { get; set; } = TimeSpan.FromSeconds(30);
}

/// <summary>Tells the cluster grain of this silo, again and again: the grain may have moved and forgotten.</summary>
internal sealed partial class NodeRegistration(
    IGrainFactory grains,
    ILocalSiloDetails silo,
    SlotHost slots,
    RoundRendezvous rendezvous,
    TrainingEnvironment environment,
    IOptions<NodeOptions> options,
    TimeProvider time,
    ILogger<NodeRegistration> logger) : BackgroundService
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(0.5);
    private static readonly TimeSpan LeavingCheck = TimeSpan.FromMilliseconds(20);

    private NodeInfo Node => new(options.Value.Name, silo.SiloAddress.ToParsableString(), rendezvous.Process, options.Value.DataHost, rendezvous.Port, options.Value.Slots)
    {
        Versions = environment.Versions.ToDictionary(),
    };

    /// <summary>Hands over: the runs go on without this node from the next step boundary, or with a checkpoint if it is the last.</summary>
    public override async Task StopAsync(CancellationToken cancellationToken)
    {
        await base.StopAsync(cancellationToken);
        using var grace = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        grace.CancelAfter(options.Value.Grace);
        try
        {
            using var timer = new PeriodicTimer(LeavingCheck, time);
            while (slots.IsInRound)
            {
                await RegisterAsync(Node with { Draining = true });
                await timer.WaitForNextTickAsync(grace.Token);
            }
        }
        catch (OperationCanceledException)
        {
            LogLeftUnreleased(options.Value.Name, options.Value.Grace);
        }
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        LogSwitches(options.Value.Name, string.Join(", ", environment.Switches.Select(entry => $"{entry.Key}={entry.Value}")));
        foreach (var remark in environment.Remarks)
        {
            LogRemark(options.Value.Name, remark);
        }
        using var timer = new PeriodicTimer(Interval, time);
        do
        {
            await RegisterAsync(Node);
        }
        while (await timer.WaitForNextTickAsync(stoppingToken));
    }

    private async Task RegisterAsync(NodeInfo node)
    {
        try
        {
            await grains.GetGrain<IClusterGrain>(0).RegisterAsync(node);
        }
        catch (Exception away)
        {
            // The grain is on its way to another silo; the next turn finds it.
            LogNotRegistered(node.Name, away.Message);
        }
    }

    [LoggerMessage(LogLevel.Information, "Node {Node} trains with {Switches}")]
    private partial void LogSwitches(string node, string switches);

    [LoggerMessage(LogLevel.Warning, "Node {Node}: {Remark}")]
    private partial void LogRemark(string node, string remark);

    [LoggerMessage(LogLevel.Debug, "Node {Node} could not register: {Reason}")]
    private partial void LogNotRegistered(string node, string reason);

    [LoggerMessage(LogLevel.Warning, "Node {Node} leaves with runs still on it after {Grace}")]
    private partial void LogLeftUnreleased(string node, TimeSpan grace);
}

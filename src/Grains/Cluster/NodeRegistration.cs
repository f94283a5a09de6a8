using Granary.Contracts;
using Granary.Grains.Nodes;
using Granary.Grains.Slots;
using Granary.Training.Tasks;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace Granary.Grains.Cluster;

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
    private static readonly TimeSpan BusyOver = TimeSpan.FromSeconds(2);

    private (long At, TimeSpan Used) looked = (time.GetTimestamp(), Environment.CpuUsage.TotalTime);
    private double busy;

    private NodeInfo Node => new(options.Value.Name, silo.SiloAddress.ToParsableString(), rendezvous.Process, options.Value.DataHost, rendezvous.Port, slots.Devices.Count)
    {
        Versions = environment.Versions.ToDictionary(),
        Devices = [.. slots.Devices],
        Gpus = environment.Gpus.ToDictionary(),
        MemoryUsed = MemoryLimit.Used,
        MemoryLimit = environment.MemoryLimit,
        Processors = Environment.ProcessorCount,
        ProcessorsBusy = busy,
    };

    /// <summary>Hands over: from the next step boundary, the runs go on without this node or, if it is their last, leave a checkpoint.</summary>
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
        if (options.Value.Slots == 0)
        {
            LogNoSlots(options.Value.Name);
        }
        else
        {
            LogSwitches(options.Value.Name, string.Join(", ", environment.Switches.Select(entry => $"{entry.Key}={entry.Value}")));
        }
        foreach (var remark in environment.Remarks)
        {
            LogRemark(options.Value.Name, remark);
        }
        using var timer = new PeriodicTimer(Interval, time);
        do
        {
            LookAtProcessors();
            await RegisterAsync(Node);
        }
        while (await timer.WaitForNextTickAsync(stoppingToken));
    }

    private void LookAtProcessors()
    {
        var (elapsed, used) = (time.GetElapsedTime(looked.At), Environment.CpuUsage.TotalTime);
        if (elapsed >= BusyOver)
        {
            busy = (used - looked.Used) / elapsed;
            looked = (time.GetTimestamp(), used);
        }
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

    [LoggerMessage(LogLevel.Information, "Node {Node} coordinates: it has no slots")]
    private partial void LogNoSlots(string node);

    [LoggerMessage(LogLevel.Warning, "Node {Node}: {Remark}")]
    private partial void LogRemark(string node, string remark);

    [LoggerMessage(LogLevel.Debug, "Node {Node} could not register: {Reason}")]
    private partial void LogNotRegistered(string node, string reason);

    [LoggerMessage(LogLevel.Warning, "Node {Node} leaves with runs still on it after {Grace}")]
    private partial void LogLeftUnreleased(string node, TimeSpan grace);
}

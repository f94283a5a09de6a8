using Aspire.Hosting;
using Aspire.Hosting.ApplicationModel;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging.Abstractions;

namespace Granary.AspireHosting.Tests;

public sealed class RunCancellationTests : IDisposable
{
    private readonly UnstartedAppHost host = new();
    private readonly List<(IResource Run, string State)> states = [];
    private readonly List<string> stopped = [];

    public void Dispose() => host.Dispose();

    [Fact]
    public async Task AppHost_ThatEnds_CancelsTheRunsOfItsClustersThatHaveAProcess()
    {
        var redis = host.Builder.AddConnectionString("redis");
        foreach (var name in (string[])["one", "two"])
        {
            var cluster = host.Builder.AddGranary<UnstartedAppHost.OwnModel>(name).WithRedis(redis);
            foreach (var state in (string[])[KnownResourceStates.Running, KnownResourceStates.Starting, KnownResourceStates.NotStarted, KnownResourceStates.Waiting, KnownResourceStates.FailedToStart, KnownResourceStates.Finished])
            {
                Add(cluster, $"{name}-{state}", state, _ => Task.CompletedTask);
            }
        }
        Assert.Single(host.Builder.Services, service => service.ServiceType == typeof(IHostedService) && service.ImplementationType == typeof(RunCancellation));
        await EndAsync(TimeSpan.FromMinutes(1));
        Assert.Equal(["one-Running", "one-Starting", "two-Running", "two-Starting"], stopped.Order());
    }

    [Fact]
    public async Task AppHost_ThatIsStillStarting_IsNotTornDownBeforeItsRunsHaveEnded()
    {
        CancellationTokenSource? starting = null;
        var tornDown = true;
        Add(host.AddCluster(), "digits", KnownResourceStates.Running, async _ =>
        {
            await Task.Yield();
            tornDown = starting!.IsCancellationRequested;
        });
        // What the host starts with.
        starting = CancellationTokenSource.CreateLinkedTokenSource(host.Service<IHostApplicationLifetime>().ApplicationStopping);
        await EndAsync(TimeSpan.FromMinutes(1));
        Assert.Equal((false, true), (tornDown, starting.IsCancellationRequested));
    }

    [Fact]
    public async Task AppHost_ThatEnds_WaitsForARunAsLongAsItsPatienceLasts()
    {
        Add(host.AddCluster(), "digits", KnownResourceStates.Running, cancellationToken => Task.Delay(Timeout.Infinite, cancellationToken));
        await EndAsync(TimeSpan.FromMilliseconds(1));
    }

    /// <param name="stop">In place of Aspire's own command.</param>
    private void Add(IResourceBuilder<GranaryResource> cluster, string name, string state, Func<CancellationToken, Task> stop)
    {
        var run = cluster.AddRun(name, "digits").WithCommand(KnownResourceCommands.StopCommand, "Stop", async context =>
        {
            lock (stopped)
            {
                stopped.Add(name);
            }
            await stop(context.CancellationToken);
            return CommandResults.Success();
        });
        states.Add((run.Resource, state));
    }

    private async Task EndAsync(TimeSpan patience)
    {
        foreach (var (run, state) in states)
        {
            await host.Service<ResourceNotificationService>().PublishUpdateAsync(run, before => before with { State = state });
        }
        var cancellation = new RunCancellation(
            host.Service<DistributedApplicationModel>(), host.Service<ResourceNotificationService>(), host.Service<ResourceCommandService>(), host.Service<IHostApplicationLifetime>(), NullLogger<RunCancellation>.Instance) { Patience = patience };
        await cancellation.StartingAsync(default);
        await Task.Run(host.Service<IHostApplicationLifetime>().StopApplication).WaitAsync(TimeSpan.FromSeconds(30));
    }
}

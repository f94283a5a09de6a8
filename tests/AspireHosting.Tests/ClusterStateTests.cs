using System.Collections.Immutable;
using System.Runtime.CompilerServices;
using System.Threading.Channels;
using Aspire.Hosting.ApplicationModel;
using Aspire.Hosting.Eventing;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace Granary.AspireHosting.Tests;

public sealed class ClusterStateTests : IDisposable
{
    private readonly UnstartedAppHost host = new();

    public void Dispose() => host.Dispose();

    [Theory]
    [InlineData("Starting", 0, "NotStarted", "Waiting")]
    [InlineData("Starting", 0, "Running", "Running")] // their health is not known yet
    [InlineData("Running", 1, "Running", "Starting")]
    [InlineData("Running", 1, "Running", "Finished")]
    [InlineData("Starting", 0, "Exited", "Starting")]
    [InlineData("Exited", 0, "Finished", "FailedToStart")]
    public void Cluster_RunsAsLongAsASiloServes(string state, int serving, params string[] silos) => Assert.Equal(state, ClusterState.Of(serving, silos));

    [Fact]
    public async Task Silo_ServesFromWhenItIsHealthyUntilItRunsNoLonger()
    {
        var cluster = host.AddCluster().Resource;
        var log = new SpokenLog();
        var following = ClusterState.FollowAsync(cluster, Notifications, log, host.Ended);

        await PublishAsync(cluster, "Running", HealthStatus.Unhealthy);
        await ClusterIsAsync("Starting");
        await PublishAsync(cluster, "Running", HealthStatus.Healthy);
        Assert.Equal("granary-0 serves", await log.NextAsync());
        await ClusterIsAsync("Running");
        var serving = Assert.Single(cluster.Serving);

        await PublishAsync(cluster, "Running", HealthStatus.Unhealthy);
        Assert.StartsWith("granary-0 is Unhealthy; ", await log.NextAsync(), StringComparison.Ordinal);
        Assert.Same(serving, Assert.Single(cluster.Serving));
        await PublishAsync(cluster, "Running", HealthStatus.Healthy);
        Assert.StartsWith("granary-0 is Healthy; ", await log.NextAsync(), StringComparison.Ordinal);
        Assert.False(serving.Gone.IsCancellationRequested);
        Assert.True(Notifications.TryGetCurrentState("granary", out var meanwhile) && meanwhile.Snapshot.State?.Text == "Running");

        await PublishAsync(cluster, "Stopping", null);
        Assert.Equal("granary-0 serves no longer: it is Stopping", await log.NextAsync());
        await ClusterIsAsync("Starting");
        Assert.True(serving.Gone.IsCancellationRequested);
        Assert.Empty(cluster.Serving);
        await PublishAsync(cluster, "Finished", null);
        await ClusterIsAsync("Exited");

        await host.EndAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => following);
    }

    [Fact]
    public async Task Cluster_WhoseAddressIsLost_SaysSoAndRunsNoLonger()
    {
        var cluster = host.AddCluster().Resource;
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => cluster.Page.RunAsync(NullLogger.Instance, new(canceled: true))); // it no longer listens
        await AppHostPart.RunAsync(cluster, new(cluster, host.Service<IDistributedApplicationEventing>(), host.Service<ResourceLoggerService>(), Notifications, host.Service<IServiceProvider>()))
            .WaitAsync(TimeSpan.FromSeconds(10));
        await ClusterIsAsync("Exited");
    }

    private ResourceNotificationService Notifications => host.Service<ResourceNotificationService>();

    private Task ClusterIsAsync(string state) => Notifications.WaitForResourceAsync("granary", state, host.Ended).WaitAsync(TimeSpan.FromSeconds(10));

    private Task PublishAsync(GranaryResource cluster, string state, HealthStatus? health) => Notifications.PublishUpdateAsync(cluster.Silos[0], before =>
    {
        var now = before with { State = state };
        SetHealthReports(now, [new("healthz", health, null, null)]);
        return now;
    });

    // Aspire itself asks silos for their health, and only when they run.
    [UnsafeAccessor(UnsafeAccessorKind.Method, Name = "set_HealthReports")]
    private static extern void SetHealthReports(CustomResourceSnapshot snapshot, ImmutableArray<HealthReportSnapshot> reports);

    /// <summary>A log to be waited for.</summary>
    private sealed class SpokenLog : ILogger
    {
        private readonly Channel<string> said = Channel.CreateUnbounded<string>();

        public Task<string> NextAsync() => said.Reader.ReadAsync().AsTask().WaitAsync(TimeSpan.FromSeconds(10));

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) => said.Writer.TryWrite(formatter(state, exception));
    }
}

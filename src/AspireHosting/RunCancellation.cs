using Aspire.Hosting.ApplicationModel;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Granary.AspireHosting;

/// <summary>
/// An app host that ends cancels its runs first. Aspire would stop silos and runs at once: runs would hear nothing any more, and go on at the next start if
/// Redis remembers them.
/// </summary>
internal sealed partial class RunCancellation(
    DistributedApplicationModel model, ResourceNotificationService notifications, ResourceCommandService commands, IHostApplicationLifetime lifetime, ILogger<RunCancellation> log) : IHostedLifecycleService
{
    /// <summary>How long the app host waits for its runs to end. Default: 15 seconds, for which Aspire tries to stop a resource.</summary>
    internal TimeSpan Patience { get; init; } = TimeSpan.FromSeconds(15);

    // An app host in which something still waits (for a run, even) is starting, and told to end it calls none of the methods below: it cancels StartAsync. This is called
    // before that, as who registers last is told first, and holds everything up, as it does not return.
    public Task StartingAsync(CancellationToken cancellationToken)
    {
        lifetime.ApplicationStopping.Register(() => Task.Run(CancelAsync, CancellationToken.None).Wait(CancellationToken.None));
        return Task.CompletedTask;
    }

    public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StartedAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StoppingAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StoppedAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    private async Task CancelAsync()
    {
        using var limit = new CancellationTokenSource(Patience);
        await Task.WhenAll(
            from cluster in model.Resources.OfType<GranaryResource>()
            from run in cluster.Runs
            where HasProcess(run)
            select CancelAsync(run, limit.Token));
    }

    private async Task CancelAsync(IResource run, CancellationToken cancellationToken)
    {
        var result = await commands.ExecuteCommandAsync(run, KnownResourceCommands.StopCommand, cancellationToken);
        if (!result.Success)
        {
            LogGoesOn(log, run.Name, Patience);
        }
    }

    // Aspire would look for the process of one that waits, or has failed to start, as long as it is let.
    private bool HasProcess(IResource run) =>
        notifications.TryGetCurrentState(run.Name, out var now) && (now.Snapshot.State?.Text == KnownResourceStates.Running || now.Snapshot.State?.Text == KnownResourceStates.Starting);

    [LoggerMessage(LogLevel.Warning, "{Run} has not ended in {Patience}: it is not known to be cancelled, and goes on at the next start if Redis remembers it")]
    private static partial void LogGoesOn(ILogger log, string run, TimeSpan patience);
}

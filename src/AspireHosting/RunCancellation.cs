using Aspire.Hosting.ApplicationModel;
using Microsoft.Extensions.Hosting;

namespace Granary.AspireHosting;

/// <summary>
/// An app host that ends cancels its runs first. Aspire would stop silos and runs at once: runs would hear nothing any more, and go on at the next start if
/// Redis remembers them.
/// </summary>
internal sealed class RunCancellation(DistributedApplicationModel model, ResourceCommandService commands) : IHostedLifecycleService
{
    public Task StoppingAsync(CancellationToken cancellationToken) => Task.WhenAll(
        from cluster in model.Resources.OfType<GranaryResource>()
        from run in cluster.Runs
        select commands.ExecuteCommandAsync(run, KnownResourceCommands.StopCommand, cancellationToken));

    public Task StartingAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StartedAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StoppedAsync(CancellationToken cancellationToken) => Task.CompletedTask;
}

using Aspire.Hosting.ApplicationModel;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Granary.AspireHosting;

/// <summary>What of a cluster is in the app host itself: its addresses and its state.</summary>
internal static partial class AppHostPart
{
    /// <summary>Until the app host has ended, not until it begins to: runs are cancelled through the addresses.</summary>
    public static async Task RunAsync(GranaryResource cluster, InitializeResourceEvent started)
    {
        using var ended = CancellationTokenSource.CreateLinkedTokenSource(started.Services.GetRequiredService<IHostApplicationLifetime>().ApplicationStopped);
        try
        {
            await await Task.WhenAny(
                cluster.Gateway.RunAsync(started.Logger, ended.Token),
                cluster.Page.RunAsync(started.Logger, ended.Token),
                ClusterState.FollowAsync(cluster, started.Notifications, started.Logger, ended.Token));
        }
        catch (OperationCanceledException)
        {
        }
        catch (Exception wrong)
        {
            LogFailed(started.Logger, cluster.Name, wrong);
            await started.Notifications.PublishUpdateAsync(cluster, before => before with { State = new(KnownResourceStates.Exited, KnownResourceStateStyles.Error) });
        }
        finally
        {
            await ended.CancelAsync();
        }
    }

    [LoggerMessage(LogLevel.Error, "{Cluster} is reached no longer. Its silos and runs go on; start the app host again")]
    private static partial void LogFailed(ILogger log, string cluster, Exception wrong);
}

using Aspire.Hosting.ApplicationModel;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Logging;

namespace Granary.AspireHosting;

/// <summary>A cluster's state follows from those of its silos.</summary>
internal static partial class ClusterState
{
    public static CustomResourceSnapshot Initial => new() { ResourceType = "Granary", State = KnownResourceStates.NotStarted, Properties = [] };

    /// <summary>Tells the dashboard, and whoever waits for the cluster, until the app host ends.</summary>
    public static async Task FollowAsync(GranaryResource cluster, ResourceNotificationService notifications, ILogger log, CancellationToken cancellationToken)
    {
        var silos = cluster.Silos.ToDictionary(silo => silo.Name, _ => Initial);
        await foreach (var change in notifications.WatchAsync(cancellationToken))
        {
            if (silos.ContainsKey(change.Resource.Name))
            {
                silos[change.Resource.Name] = change.Snapshot;
                Update(cluster, silos, log);
                await notifications.PublishUpdateAsync(cluster, before => before with
                {
                    State = Of(cluster.Serving.Count, silos.Values.Select(silo => silo.State?.Text)),
                    Urls = [UrlOf(cluster.Page, isInternal: false), UrlOf(cluster.Gateway, isInternal: true)],
                });
            }
        }
    }

    /// <param name="serving">How many silos serve.</param>
    /// <param name="silos">The states of all silos.</param>
    internal static string Of(int serving, IEnumerable<string?> silos) =>
        serving > 0 ? KnownResourceStates.Running
        : silos.All(silo => KnownResourceStates.TerminalStates.Contains(silo)) ? KnownResourceStates.Exited
        : KnownResourceStates.Starting;

    private static void Update(GranaryResource cluster, Dictionary<string, CustomResourceSnapshot> silos, ILogger log)
    {
        var before = cluster.Serving;
        cluster.Serving = [
            .. from silo in cluster.Silos
               let now = silos[silo.Name]
               let known = before.FirstOrDefault(serving => serving.Silo == silo)
               where now.State?.Text == KnownResourceStates.Running && (known is not null || now.HealthStatus == HealthStatus.Healthy)
               select known ?? new(silo),
        ];
        foreach (var gone in before.Except(cluster.Serving))
        {
            gone.Leave();
            LogGone(log, gone.Silo.Name, silos[gone.Silo.Name].State?.Text);
        }
        foreach (var come in cluster.Serving.Except(before))
        {
            LogServes(log, come.Silo.Name);
        }
        foreach (var serving in cluster.Serving)
        {
            var health = silos[serving.Silo.Name].HealthStatus;
            if (serving.IsHealthy != (health == HealthStatus.Healthy))
            {
                serving.IsHealthy = !serving.IsHealthy;
                LogHealth(log, serving.IsHealthy ? LogLevel.Information : LogLevel.Warning, serving.Silo.Name, health);
            }
        }
    }

    /// <param name="isInternal">Whether it is shown in the details only.</param>
    private static UrlSnapshot UrlOf(Relay relay, bool isInternal) => new(relay.Endpoint, relay.Address, isInternal) { DisplayProperties = new(SiloEndpoints.TextOf(relay.Endpoint)) };

    [LoggerMessage(LogLevel.Information, "{Silo} serves")]
    private static partial void LogServes(ILogger log, string silo);

    [LoggerMessage(LogLevel.Warning, "{Silo} serves no longer: it is {State}")]
    private static partial void LogGone(ILogger log, string silo, string? state);

    [LoggerMessage("{Silo} is {Health}; who connects is led to one that is healthy, if there is one")]
    private static partial void LogHealth(ILogger log, LogLevel level, string silo, HealthStatus? health);
}

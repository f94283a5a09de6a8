using OpenTelemetry.Resources;

namespace Granary.Silo.Telemetry;

/// <summary>Who it is that metrics, spans and logs come from.</summary>
/// <param name="Service">The kind of program: <c>granary</c> for silos.</param>
/// <param name="Cluster">The cluster's id; <see langword="null"/>: it belongs to none.</param>
/// <param name="Instance">The node's name.</param>
/// <param name="Version">The program's.</param>
public sealed record TelemetrySource(string Service, string? Cluster, string Instance, string Version)
{
    /// <summary>What <c>OTEL_SERVICE_NAME</c> and <c>OTEL_RESOURCE_ATTRIBUTES</c> say counts for more.</summary>
    internal void Describe(ResourceBuilder resource) => resource
        .AddService(Service, Cluster, Version, autoGenerateServiceInstanceId: false, Instance)
        .AddEnvironmentVariableDetector();
}

using System.Diagnostics;
using Granary.Training;
using OpenTelemetry;
using OpenTelemetry.Trace;

namespace Granary.Silo.Telemetry;

/// <summary>The span of a command that submits a run: the root of the run's trace, or a part of the trace that <c>TRACEPARENT</c> names.</summary>
public sealed class ClientTrace : IDisposable
{
    // A source of its own: a cluster within this process exports that of silos.
    private static readonly ActivitySource source = new("Granary.Client");
    private readonly TracerProvider? exporter;
    private readonly Activity? span;

    public ClientTrace(string name, string runId, string version)
    {
        if (Otlp.TakesTraces)
        {
            var self = new TelemetrySource("granary-client", null, Environment.MachineName, version);
            exporter = Sdk.CreateTracerProviderBuilder().ConfigureResource(self.Describe).AddSource(source.Name).AddOtlpExporter().Build();
            _ = ActivityContext.TryParse(EnvironmentVariable.Read(EnvironmentVariable.Trace), null, isRemote: true, out var parent);
            span = source.StartActivity(name, ActivityKind.Client, parent, [new("run.id", runId)]);
        }
    }

    /// <summary>What was asked for cannot be done.</summary>
    public void Fail(string reason) => span?.SetStatus(ActivityStatusCode.Error, reason);

    public void Dispose()
    {
        span?.Dispose();
        exporter?.Dispose();
    }
}

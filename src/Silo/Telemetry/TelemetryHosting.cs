using System.Collections;
using Granary.Grains.Telemetry;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using OpenTelemetry.Logs;
using OpenTelemetry.Metrics;
using OpenTelemetry.Trace;

namespace Granary.Silo.Telemetry;

/// <summary>What a silo tells of itself: metrics for Prometheus, and metrics, traces and logs by OTLP where the environment names an endpoint.</summary>
public static class TelemetryHosting
{
    internal static void AddTelemetry(this IServiceCollection services, TelemetrySource source)
    {
        var telemetry = services.AddOpenTelemetry()
            .ConfigureResource(source.Describe)
            .WithMetrics(metrics => metrics
                .AddMeter(TrainingInstruments.Name, "Microsoft.Orleans")
                .AddRuntimeInstrumentation()
                .AddPrometheusExporter());
        if (Otlp.TakesMetrics)
        {
            telemetry.WithMetrics(metrics => metrics.AddOtlpExporter());
        }
        if (Otlp.TakesTraces)
        {
            // Not Orleans': each write to storage and each activation would be a trace of its own.
            telemetry.WithTracing(traces => traces.AddSource(TrainingInstruments.Name).AddOtlpExporter());
        }
    }

    /// <summary>Sends logs, too.</summary>
    public static void AddTelemetryOfLogs(this IHostApplicationBuilder host, TelemetrySource source)
    {
        if (!Otlp.TakesLogs)
        {
            return;
        }
        // Exporters read their variables from the host's configuration, where a silo beside others in one process has none.
        var variables = Environment.GetEnvironmentVariables().Cast<DictionaryEntry>().Select(variable => KeyValuePair.Create((string)variable.Key, (string?)variable.Value));
        host.Configuration.AddInMemoryCollection(variables.Where(variable => variable.Key.StartsWith("OTEL_", StringComparison.Ordinal)));
        host.Services.AddOpenTelemetry().ConfigureResource(source.Describe).WithLogging(logs => logs.AddProcessor(new FieldNames()).AddOtlpExporter(), options => options.IncludeFormattedMessage = true);
    }
}

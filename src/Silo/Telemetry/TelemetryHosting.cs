using Granary.Grains.Telemetry;
using Microsoft.Extensions.DependencyInjection;
using OpenTelemetry.Logs;
using OpenTelemetry.Metrics;
using OpenTelemetry.Trace;

namespace Granary.Silo.Telemetry;

/// <summary>What a silo tells of itself: metrics for Prometheus, and metrics, traces and logs by OTLP where the environment names an endpoint.</summary>
internal static class TelemetryHosting
{
    public static void AddTelemetry(this IServiceCollection services, TelemetrySource source)
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

    /// <summary>Sends logs, too. Wants <see cref="AddTelemetry"/>.</summary>
    public static void AddTelemetryOfLogs(this IServiceCollection services)
    {
        if (Otlp.TakesLogs)
        {
            services.AddOpenTelemetry().WithLogging(logs => logs.AddProcessor(new FieldNames()).AddOtlpExporter(), options => options.IncludeFormattedMessage = true);
        }
    }
}

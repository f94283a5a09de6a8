using Granary.Training;

namespace Granary.Silo.Telemetry;

/// <summary>What is sent by OTLP, by the variables that OpenTelemetry has for that.</summary>
internal static class Otlp
{
    public static bool TakesMetrics => Takes("METRICS");

    public static bool TakesTraces => Takes("TRACES");

    public static bool TakesLogs => Takes("LOGS");

    private static bool Takes(string signal) => (EnvironmentVariable.Read($"OTEL_EXPORTER_OTLP_{signal}_ENDPOINT") ?? EnvironmentVariable.Read("OTEL_EXPORTER_OTLP_ENDPOINT")) is not null;
}

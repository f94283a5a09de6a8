using System.Diagnostics.Metrics;
using System.Text.Json;
using System.Text.RegularExpressions;
using Granary.Grains.Telemetry;
using Granary.Silo.Security;
using Microsoft.Extensions.DependencyInjection;

namespace Granary.Cluster.Tests.Deployment;

public sealed partial class MetricsTests
{
    // Seen on a running silo.
    private static readonly HashSet<string> others =
    [
        "orleans_catalog_activations", "orleans_app_requests_latency_milliseconds",
        "dotnet_process_memory_working_set_bytes", "dotnet_process_cpu_time_seconds_total",
    ];

    [Fact]
    public void DashboardAndAlerts_AskOnlyForMetricsThatExist()
    {
        var known = Instruments().Select(PrometheusName).Concat(others).ToHashSet();
        using var dashboard = JsonDocument.Parse(Repository.Read("deploy/grafana/dashboards/granary.json"));
        var asked = dashboard.RootElement.GetProperty("panels").EnumerateArray()
            .Where(panel => panel.TryGetProperty("targets", out _))
            .SelectMany(panel => panel.GetProperty("targets").EnumerateArray())
            .SelectMany(target => MetricName().Matches(target.GetProperty("expr").GetString()!))
            .Concat(MetricName().Matches(Repository.Read("deploy/prometheus/alerts.yml")))
            .Select(match => HistogramSuffix().Replace(match.Value, ""))
            .ToHashSet();
        Assert.True(asked.Count > 15, "The dashboard asks for hardly anything.");
        Assert.Empty(asked.Except(known));
    }

    [Fact]
    public void Documentation_HasARowForEveryInstrumentAndNoOther()
    {
        var rows = DocumentedName().Matches(Repository.Read("docs/metrics.md")).SelectMany(match => match.Groups[1].Captures).Select(name => name.Value).Order();
        Assert.Equal(Instruments().Select(instrument => instrument.Name).Order(), rows);
    }

    private static List<Instrument> Instruments()
    {
        var found = new List<Instrument>();
        using var listener = new MeterListener { InstrumentPublished = (instrument, _) => found.Add(instrument) };
        using var services = new ServiceCollection().AddMetrics().BuildServiceProvider();
        var meters = services.GetRequiredService<IMeterFactory>();
        _ = new TrainingInstruments(meters, TimeProvider.System);
        _ = new SecurityInstruments(meters);
        listener.Start();
        // Those that name runs belong to the process.
        return [.. found.Where(instrument => instrument.Meter.Name == TrainingInstruments.Name && (instrument.Meter.Scope == meters || instrument.Meter.Scope is null)).DistinctBy(instrument => instrument.Name)];
    }

    /// <summary>As OpenTelemetry's exporter writes it.</summary>
    private static string PrometheusName(Instrument instrument)
    {
        var unit = instrument.Unit switch { "s" => "_seconds", "By" => "_bytes", _ => "" };
        var name = instrument.Name.Replace('.', '_');
        var counts = instrument.GetType().Name.Contains("Counter", StringComparison.Ordinal) && !instrument.GetType().Name.StartsWith("UpDown", StringComparison.Ordinal) ? "_total" : "";
        return name + (name.EndsWith(unit, StringComparison.Ordinal) ? "" : unit) + counts;
    }

    [GeneratedRegex(@"\b(training|gateway|orleans|dotnet)_[a-z_]+")]
    private static partial Regex MetricName();

    [GeneratedRegex("_(bucket|sum|count)$")]
    private static partial Regex HistogramSuffix();

    [GeneratedRegex(@"^\|(?: `((?:training|gateway)\.[a-z.]+)`,?)+", RegexOptions.Multiline)]
    private static partial Regex DocumentedName();
}

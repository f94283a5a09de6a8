using System.Diagnostics;
using System.Text.Json;
using System.Text.RegularExpressions;
using Granary.Contracts;
using Granary.LocalClusters;

namespace Granary.Cluster.Tests.Telemetry;

/// <summary>What two silo processes and a client tell of themselves, as those who collect it see it.</summary>
public sealed partial class TelemetryTests : IAsyncLifetime
{
    private const int ShortRuns = 20;
    private static readonly string[] fields = ["time", "level", "category", "message", "node"];
    private readonly string folder = Directory.CreateTempSubdirectory("granary-tests-").FullName;
    private OtlpReceiver receiver = null!;
    private ProcessCluster cluster = null!;

    public async Task InitializeAsync()
    {
        receiver = await OtlpReceiver.StartAsync();
        var variables = new Dictionary<string, string>(receiver.Environment) { ["OTEL_RESOURCE_ATTRIBUTES"] = "deployment.environment.name=trial", ["Granary__Logging__Format"] = "json" };
        cluster = await ProcessCluster.StartAsync(new ProcessClusterOptions { Processes = 2, Workers = 2, ClusterId = "telemetry", Environment = variables });
    }

    public async Task DisposeAsync()
    {
        await cluster.DisposeAsync();
        await receiver.DisposeAsync();
        Directory.Delete(folder, recursive: true);
    }

    [Fact]
    public async Task Cluster_NamesItself_TracesARunAsOne_AndForgetsItsSeries()
    {
        await SubmitAsync("first", steps: 5);
        var (caller, traceId) = (ActivitySpanId.CreateRandom().ToHexString(), ActivityTraceId.CreateRandom().ToHexString());
        var submitted = await CommandLine.RunProcessAsync(
            [.. receiver.Environment.Select(variable => (variable.Key, variable.Value)), ("TRACEPARENT", $"00-{traceId}-{caller}-01")],
            "submit", "two-layer", "--steps", "300", "--workers", "2", "--shards", "2", "--checkpoint-every", "100", "--id", "traced", "--out", Path.Combine(folder, "traced"), "--server", $"{cluster.Server}", "--wait");
        Assert.True(submitted.ExitCode == 0, submitted.Error);

        await receiver.WaitAsync(all => SpansOf(all, "traced").Count(span => span.Name is "train run" or "write checkpoint" or "train shards") == 6);
        AssertTrace([.. SpansOf(receiver, "traced")], traceId, caller);
        await receiver.WaitAsync(all => LogsOf(all, "traced").Any(log => log.Body.StartsWith("Run traced is Succeeded", StringComparison.Ordinal)));
        AssertLogs([.. LogsOf(receiver, "traced")]);
        await receiver.WaitAsync(all => all.Metrics.Select(metric => metric.Resource["service.instance.id"]).Distinct().Count() == 2 && all.Metrics.Any(metric => metric.Name == "training.steps"));
        Assert.All(receiver.Metrics, AssertSilo);

        var before = await SeriesWithoutRunsAsync();
        for (var run = 0; run < ShortRuns; run++)
        {
            await SubmitAsync($"short-{run}", steps: 5);
        }
        var after = await SeriesWithoutRunsAsync();
        Assert.Equal([], after.Where(series => series.StartsWith("training_", StringComparison.Ordinal)).Except(before));
        // Others have some when something happens for the first time, such as a kind of exception; but none has one for each run.
        var grown = after.Except(before).Select(series => Bucket().Replace(series, "")).Distinct().GroupBy(series => series[..series.IndexOf('{', StringComparison.Ordinal)]);
        Assert.Equal([], grown.Where(metric => metric.Count() > ShortRuns / 2).Select(metric => metric.Key));
        Assert.Contains(after, series => series.StartsWith("target_info{", StringComparison.Ordinal) && series.Contains("service_name=\"granary\"", StringComparison.Ordinal) && series.Contains("service_instance_id=\"silo-0\"", StringComparison.Ordinal));
        Assert.All(cluster.Silos, silo => Assert.All(Lines(silo), line => Assert.Equal(silo.Name, line["node"].GetString())));
    }

    private static void AssertTrace(List<Sent> spans, string traceId, string caller)
    {
        Assert.Equal([traceId], spans.Select(span => span.TraceId).Distinct());
        Assert.Equal([], spans.Select(span => span.ParentId).Except(spans.Select(span => span.SpanId).Append(caller)));
        Assert.Equal(
            ["accept run", "begin round", "meet peers", "meet peers", "prepare worker", "prepare worker", "submit run", "submit run", "train run", "train shards", "train shards", "write checkpoint", "write checkpoint", "write checkpoint"],
            spans.Select(span => span.Name).Order());
        Assert.Equal(["granary-client", "granary"], spans.Where(span => span.Name == "submit run").OrderBy(span => span.ParentId != caller).Select(span => span.Resource["service.name"]));
        Assert.Equal(["silo-0", "silo-1"], spans.Where(span => span.Name == "train shards").Select(span => span.Resource["service.instance.id"]).Order());
        Assert.All(spans.Where(span => span.Resource["service.name"] == "granary"), AssertSilo);
        var begun = spans.Single(span => span.Name == "begin round");
        Assert.Equal(("1", "2"), (begun.Attributes["round"], begun.Attributes["workers"]));
        Assert.All(spans.Where(span => span.Name is "prepare worker" or "train shards" or "write checkpoint"), span => Assert.Equal(begun.SpanId, span.ParentId));
        Assert.Equal(["100", "200", "300"], spans.Where(span => span.Name == "write checkpoint").Select(span => span.Attributes["step"]).Order());
    }

    private static void AssertLogs(List<Sent> logs)
    {
        Assert.All(logs, AssertSilo);
        Assert.Contains(logs, log => log.Body.Contains("trains from step 0", StringComparison.Ordinal) && log.Attributes["round"] == "1" && log.Attributes["step"] == "0");
    }

    private static void AssertSilo(Sent sent)
    {
        Assert.Equal(("granary", "telemetry", "trial"), (sent.Resource["service.name"], sent.Resource["service.namespace"], sent.Resource["deployment.environment.name"]));
        Assert.StartsWith("silo-", sent.Resource["service.instance.id"], StringComparison.Ordinal);
        Assert.Matches(@"^\d+\.\d+", sent.Resource["service.version"]);
    }

    private static IEnumerable<Sent> SpansOf(OtlpReceiver all, string runId) => all.Spans.Where(span => span.Attributes.GetValueOrDefault("run.id") == runId);

    private static IEnumerable<Sent> LogsOf(OtlpReceiver all, string runId) => all.Logs.Where(log => log.Attributes.GetValueOrDefault("run.id") == runId);

    private static List<Dictionary<string, JsonElement>> Lines(SiloProcess silo)
    {
        using var log = new StreamReader(new FileStream(silo.LogPath, FileMode.Open, FileAccess.Read, FileShare.ReadWrite));
        var lines = log.ReadToEnd().Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => JsonSerializer.Deserialize<Dictionary<string, JsonElement>>(line)!).ToList();
        Assert.NotEmpty(lines);
        Assert.All(lines, line => Assert.Equal(fields, line.Keys.Take(fields.Length)));
        return lines;
    }

    /// <summary>Of both silos, without their values: which of them has a run's coordinator or keeps it is chance.</summary>
    private async Task<HashSet<string>> SeriesAsync()
    {
        using var http = new HttpClient();
        var texts = await Task.WhenAll(cluster.Silos.Select(silo => http.GetStringAsync(new Uri(silo.Http, "/metrics"))));
        return [.. texts.SelectMany(text => Series().Matches(text).Select(series => series.Value))];
    }

    /// <summary>A client may hear of a run's end before its silos have let go of it.</summary>
    /// <returns>The series from then on.</returns>
    private async Task<HashSet<string>> SeriesWithoutRunsAsync()
    {
        using var timeout = new CancellationTokenSource(TimeSpan.FromMinutes(1));
        using var timer = new PeriodicTimer(TimeSpan.FromMilliseconds(200));
        var series = await SeriesAsync();
        while (series.Any(one => one.Contains("run_id=", StringComparison.Ordinal)))
        {
            await timer.WaitForNextTickAsync(timeout.Token);
            series = await SeriesAsync();
        }
        return series;
    }

    private async Task SubmitAsync(string id, long steps)
    {
        using var client = new TrainingClient(cluster.Server);
        await client.SubmitAsync(new() { RunId = id, Task = "two-layer", Steps = steps, Workers = 2, Output = Path.Combine(folder, id) });
        RunStatus? last = null;
        await foreach (var entry in client.WatchAsync(id))
        {
            last = entry.Status;
        }
        Assert.Equal(RunState.Succeeded, last!.State);
    }

    [GeneratedRegex(",?le=\"[^\"]*\"")]
    private static partial Regex Bucket();

    [GeneratedRegex(@"^[a-z][^#\n]*(?= [^ \n]+$)", RegexOptions.Multiline)]
    private static partial Regex Series();
}

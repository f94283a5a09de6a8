using System.Diagnostics;
using System.Net;
using System.Text.Json;
using System.Text.RegularExpressions;
using Granary.Cluster.Tests.Security;
using Granary.Contracts;
using Granary.LocalClusters;
using Grpc.Core;

namespace Granary.Cluster.Tests.Deployment;

/// <summary>The alerts and the dashboard of deploy/ before a Prometheus.</summary>
public sealed partial class PrometheusTests : IDisposable
{
    private static readonly TimeSpan patience = TimeSpan.FromMinutes(1), pause = TimeSpan.FromMilliseconds(250);
    private readonly Secrets secrets = new();

    public void Dispose() => secrets.Dispose();

    /// <param name="job">What prometheus.yml calls silos, and what the Prometheus operator calls those of a namespace.</param>
    [Theory]
    [InlineData("granary")]
    [InlineData("ml/granary")]
    public async Task Alerts_FireWhenTheyShould_AndOnlyThen(string job)
    {
        File.Copy(Repository.PathOf("deploy/prometheus/alerts.yml"), secrets.In("alerts.yml"));
        var tests = Repository.Read("tests/Cluster.Tests/Deployment/alerts.test.yml").Replace("JOB", job, StringComparison.Ordinal);
        await File.WriteAllTextAsync(secrets.In("test.yml"), tests);
        Assert.Equal(AlertName().Matches(Repository.Read("deploy/prometheus/alerts.yml")).Select(alert => alert.Groups[1].Value), TestedName().Matches(tests).Select(alert => alert.Groups[1].Value));
        using var promtool = CommandLine.Start("promtool", ["test", "rules", secrets.In("test.yml")]);
        var (exitCode, output, error) = await CommandLine.EndAsync(promtool);
        Assert.True(exitCode == 0, output + error);
    }

    /// <summary>As compose.yaml has it: over TLS, with a token.</summary>
    [Fact]
    public async Task Dashboard_OfASiloThatTrains_HasDataInEveryPanel()
    {
        await using var redis = await RedisProcess.StartAsync(IPAddress.Loopback, secrets.Folder);
        var certificates = secrets.Certificates();
        await using var silo = new SecuredSilo("silo", "watched", redis.Address, new { secrets.TokensFile, certificates.Certificate, certificates.Key, certificates.Authority }, secrets.Folder);
        var port = FreePorts.Take(1)[0];
        await WriteConfigurationAsync(silo, certificates.Authority!);
        await silo.SaysAsync("Application started");
        var authority = await File.ReadAllTextAsync(certificates.Authority!);
        using var stranger = new TrainingClient(new ServerAccess(silo.Server, "granary_wrong", authority));
        Assert.Equal(StatusCode.Unauthenticated, (await Assert.ThrowsAsync<RpcException>(() => stranger.ListAsync())).StatusCode);
        using var client = new TrainingClient(new ServerAccess(silo.Server, secrets.Operator, authority));
        await client.SubmitAsync(new() { RunId = "endless", Task = "two-layer", Steps = 100_000_000, CheckpointEvery = 1000, Output = secrets.In("run") });
        using var prometheus = Process.Start(new ProcessStartInfo("prometheus", [$"--config.file={secrets.In("prometheus.yml")}", $"--storage.tsdb.path={secrets.In("series")}", $"--web.listen-address=127.0.0.1:{port}"]) { RedirectStandardError = true })!;
        prometheus.ErrorDataReceived += (_, _) => { };
        prometheus.BeginErrorReadLine();
        try
        {
            using var http = new HttpClient { BaseAddress = new($"http://127.0.0.1:{port}") };
            var expressions = Expressions();
            Assert.True(expressions.Count > 20, "The dashboard asks for hardly anything.");
            foreach (var expression in expressions.Append("up{job=\"granary\"} == 1").Append("target_info{service_name=\"granary\", service_instance_id=\"silo\"}"))
            {
                await AssertHasDataAsync(http, expression);
            }
            var rules = await http.GetStringAsync(new Uri("/api/v1/rules", UriKind.Relative));
            Assert.Equal(AlertName().Matches(Repository.Read("deploy/prometheus/alerts.yml")).Count, Health().Matches(rules).Count);
        }
        finally
        {
            prometheus.Kill();
            await prometheus.WaitForExitAsync();
        }
    }

    /// <summary>That of deploy/ with this silo, these files, and scrapes that are as frequent as a test is short.</summary>
    private async Task WriteConfigurationAsync(SecuredSilo silo, string authority)
    {
        File.Copy(Repository.PathOf("deploy/prometheus/alerts.yml"), secrets.In("alerts.yml"));
        await File.WriteAllTextAsync(secrets.In("prometheus-token"), secrets.Viewer);
        var configuration = Repository.Read("deploy/prometheus/prometheus.yml")
            .Replace("scrape_interval: 5s", "scrape_interval: 500ms", StringComparison.Ordinal)
            .Replace("/secrets/authority.pem", authority, StringComparison.Ordinal)
            .Replace("/secrets/prometheus-token", secrets.In("prometheus-token"), StringComparison.Ordinal);
        await File.WriteAllTextAsync(secrets.In("prometheus.yml"), Targets().Replace(configuration, $"targets: [\"{silo.Http.Authority}\"]"));
    }

    private static List<string> Expressions()
    {
        using var dashboard = JsonDocument.Parse(Repository.Read("deploy/grafana/dashboards/granary.json"));
        return [.. dashboard.RootElement.GetProperty("panels").EnumerateArray()
            .Where(panel => panel.TryGetProperty("targets", out _))
            .SelectMany(panel => panel.GetProperty("targets").EnumerateArray())
            // As Grafana puts it in, where all runs are chosen.
            .Select(target => target.GetProperty("expr").GetString()!.Replace("$run", ".*", StringComparison.Ordinal))];
    }

    private static async Task AssertHasDataAsync(HttpClient http, string expression)
    {
        using var timeout = new CancellationTokenSource(patience);
        var answer = "";
        while (!timeout.IsCancellationRequested)
        {
            try
            {
                answer = await http.GetStringAsync(new Uri($"/api/v1/query?query={Uri.EscapeDataString(expression)}", UriKind.Relative), timeout.Token);
                using var parsed = JsonDocument.Parse(answer);
                if (parsed.RootElement.GetProperty("data").GetProperty("result").GetArrayLength() > 0)
                {
                    return;
                }
            }
            catch (Exception error) when (error is HttpRequestException or OperationCanceledException)
            {
                answer = error.Message;
            }
            await Task.Delay(pause);
        }
        Assert.Fail($"{expression}: {answer}");
    }

    [GeneratedRegex(@"^ +- alert: (\w+)$", RegexOptions.Multiline)]
    private static partial Regex AlertName();

    [GeneratedRegex(@"^  - name: (\w+)$", RegexOptions.Multiline)]
    private static partial Regex TestedName();

    [GeneratedRegex(@"targets: \[.*\]")]
    private static partial Regex Targets();

    [GeneratedRegex("\"health\":\"(ok|unknown)\"")]
    private static partial Regex Health();
}

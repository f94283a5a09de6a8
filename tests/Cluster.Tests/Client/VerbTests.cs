using System.Diagnostics;
using System.Text.Json;
using Granary.Client.Views;
using Granary.LocalClusters;

namespace Granary.Cluster.Tests.Client;

/// <summary>The verbs that speak to a cluster, named by GRANARY_SERVER.</summary>
public sealed class VerbTests : IAsyncLifetime
{
    private readonly string folder = Directory.CreateTempSubdirectory("granary-tests-").FullName;
    private LocalCluster cluster = null!;

    public async Task InitializeAsync() => cluster = await LocalCluster.StartAsync(2);

    public async Task DisposeAsync()
    {
        await cluster.DisposeAsync();
        Directory.Delete(folder, recursive: true);
    }

    [Fact]
    public async Task Verbs_WithoutAServer_AskThatOfTheEnvironmentAndWaitIfTold()
    {
        Assert.Equal("run-7f", (await RunAsync("submit", "two-layer", "--steps", "100000000", "--workers", "1", "--id", "run-7f", "--out", In("first"))).Trim());
        Assert.Contains("2 workers wanted", await RunAsync("scale", "run-7f", "--workers", "2"), StringComparison.Ordinal);
        Assert.Contains("1 workers wanted", await RunAsync("scale", "run", "1"), StringComparison.Ordinal);
        Assert.Contains("run-7f: paused at step", await RunAsync("pause", "first", "--wait"), StringComparison.Ordinal);
        Assert.Contains("paused: ", await RunAsync("logs", "first"), StringComparison.Ordinal);
        Assert.StartsWith("run-7f: ", await RunAsync("resume", "first"), StringComparison.Ordinal);
        await RunAsync("cancel", "first", "--wait", "--quiet", "--summary", In("summary.json"));
        using var summary = JsonDocument.Parse(File.ReadAllText(In("summary.json")));
        Assert.Equal("cancelled", summary.RootElement.GetProperty("state").GetString());
        Assert.Equal(ExitCode.Interrupted, (await CommandLine.EndAsync(Start("watch", In("first")))).ExitCode);
        Assert.Contains("the cluster at", (await CommandLine.EndAsync(Start("resume", "second"))).Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Watch_WhoseServerHasGone_EndsWithACodeOfItsOwn()
    {
        await RunAsync("submit", "two-layer", "--steps", "100000000", "--id", "first", "--out", In("first"));
        using var watching = Start("watch", "first", "--patience", "2s");
        while (watching.StandardOutput.ReadLine() is { } line && !line.Contains("step ", StringComparison.Ordinal))
        {
        }
        var stopping = cluster.DisposeAsync();
        var watched = await CommandLine.EndAsync(watching);
        await stopping;
        Assert.Equal(ExitCode.LostSight, watched.ExitCode);
        Assert.Contains("Lost sight of run 'first'", Assert.Single(watched.Error.Trim().Split('\n')), StringComparison.Ordinal);
        Assert.Contains("The server does not answer", watched.Output, StringComparison.Ordinal);
    }

    private string In(string name) => Path.Combine(folder, name);

    private Process Start(params string[] arguments) => CommandLine.Start("env", [$"GRANARY_SERVER={cluster.Server}", CommandLine.Program, .. arguments]);

    private async Task<string> RunAsync(params string[] arguments)
    {
        using var process = Start(arguments);
        var result = await CommandLine.EndAsync(process);
        Assert.True(result.ExitCode == 0, result.Error);
        return result.Output;
    }
}

namespace Granary.Cluster.Tests.Telemetry;

/// <summary>What <c>granary train</c>, a cluster within one process, tells of itself.</summary>
public sealed class OneProcessTests : IAsyncLifetime
{
    private readonly string folder = Directory.CreateTempSubdirectory("granary-tests-").FullName;
    private OtlpReceiver receiver = null!;

    public async Task InitializeAsync() => receiver = await OtlpReceiver.StartAsync();

    public async Task DisposeAsync()
    {
        await receiver.DisposeAsync();
        Directory.Delete(folder, recursive: true);
    }

    [Fact]
    public async Task Train_SendsTheLogsOfItsSilosAsOthersDo()
    {
        var trained = await CommandLine.RunProcessAsync(
            [.. receiver.Environment.Select(variable => (variable.Key, variable.Value))],
            "train", "two-layer", "--steps", "5", "--workers", "2", "--shards", "2", "--out", Path.Combine(folder, "first"), "--quiet");
        Assert.True(trained.ExitCode == 0, trained.Error);

        // All of it has come when the process has ended.
        var logs = receiver.Logs.Where(log => log.Attributes.GetValueOrDefault("run.id")?.StartsWith("first", StringComparison.Ordinal) == true).ToList();
        Assert.Contains(logs, log => log.Body.Contains("trains from step 0", StringComparison.Ordinal) && log.Attributes["round"] == "1" && log.Attributes["step"] == "0");
        Assert.Contains(logs, log => log.Body.Contains("is Succeeded", StringComparison.Ordinal));
        Assert.Equal(["Silo_0", "Silo_1"], receiver.Logs.Where(log => log.Body.StartsWith("Node Silo_", StringComparison.Ordinal)).Select(log => log.Resource["service.instance.id"]).Distinct().Order());
        Assert.All(receiver.Logs, log => Assert.Equal("granary", log.Resource["service.name"]));
        Assert.Equal([], receiver.Logs.Select(log => log.Scope).Distinct().Where(category => !category.StartsWith("Granary.", StringComparison.Ordinal)));
    }
}

using System.Diagnostics;
using System.Text.Json;
using Granary.LocalClusters;

namespace Granary.Cluster.Tests;

/// <summary>The program in surroundings that are late, too small or not its own.</summary>
public sealed class StartTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("granary-tests-").FullName;
    private readonly int[] ports = FreePorts.Take(5);

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [Fact]
    public async Task Silo_BeforeItsRedis_WaitsForIt_AndWarnsOfNothingElse()
    {
        using var silo = StartSilo(Configure("127.0.0.1:" + ports[4], "00:01:00"));
        while (await silo.StandardOutput.ReadLineAsync() is { } line && !line.Contains($"Waits for Redis at 127.0.0.1:{ports[4]}", StringComparison.Ordinal))
        {
        }
        using var redis = Process.Start(new ProcessStartInfo("redis-server", ["--port", $"{ports[4]}", "--save", "", "--dir", folder]) { RedirectStandardOutput = true })!;
        try
        {
            var said = new List<string>();
            while (await silo.StandardOutput.ReadLineAsync() is { } line && !line.Contains("trains with", StringComparison.Ordinal))
            {
                said.Add(line);
            }
            Assert.False(silo.HasExited);
            // Nothing but its waiting, and that in lines with a time.
            Assert.All(said, line => Assert.Matches(@"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z warn: Granary\.Silo\.StartWait", line));
        }
        finally
        {
            silo.Kill();
            redis.Kill();
        }
    }

    [Theory]
    [InlineData("TERM")]
    [InlineData("HUP")]
    public async Task Silo_ToldToEndWhileItWaits_Ends(string signal)
    {
        using var silo = StartSilo(Configure("127.0.0.1:" + ports[4], "01:00:00"));
        while (await silo.StandardOutput.ReadLineAsync() is { } line && !line.Contains("Waits for Redis at", StringComparison.Ordinal))
        {
        }
        await Process.Start("kill", [$"-{signal}", $"{silo.Id}"])!.WaitForExitAsync();
        Assert.Equal((0, ""), await CommandLine.EndAsync(silo) is var ended ? (ended.ExitCode, ended.Error) : default);
    }

    [Theory]
    [InlineData("127.0.0.1:1", "Waited", "it does not take connections. Start it (redis-server), or name another address.")]
    [InlineData("no-such-host.invalid:1", "Waited", "the name does not resolve.")]
    [InlineData("127.0.0.1:1,password=mellon", "Redis at 127.0.0.1:1 (Granary:Cluster:Redis)", "it does not take connections.")]
    public async Task Silo_WhoseRedisNeverComes_EndsAndSaysForWhatItWaited(string redis, params string[] expected)
    {
        var ended = await CommandLine.RunAsync("silo", "--config", Configure(redis, "00:00:01"));
        Assert.Equal(1, ended.ExitCode);
        Assert.All(expected, text => Assert.Contains(text, ended.Error, StringComparison.Ordinal));
        Assert.DoesNotContain("mellon", ended.Error + ended.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Program_WithFewOpenFiles_NamesTheLimit()
    {
        using var silo = CommandLine.Start("sh", ["-c", "ulimit -n 256; exec \"$0\" \"$@\"", CommandLine.Program, "train", "two-layer", "--steps", "5", "--processes", "2", "--out", Path.Combine(folder, "run"), "--quiet"]);
        var ended = await CommandLine.EndAsync(silo);
        Assert.Equal(1, ended.ExitCode);
        Assert.Contains("ulimit -n", ended.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Program_WithoutAFolderForTemporaryFiles_NamesIt()
    {
        var ended = await RunAsync("TMPDIR", "/no/such/folder");
        Assert.Equal(1, ended.ExitCode);
        Assert.Contains("/no/such/folder", ended.Error, StringComparison.Ordinal);
        Assert.Contains("TMPDIR", ended.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Program_BesideAProxyAndAForeignConfiguration_TrainsAllTheSame()
    {
        File.WriteAllText(Path.Combine(folder, "appsettings.json"), "{ not json");
        Assert.Equal(0, (await RunAsync("http_proxy", "http://127.0.0.1:9")).ExitCode);
    }

    private async Task<CommandResult> RunAsync(string variable, string value)
    {
        var start = new ProcessStartInfo(CommandLine.Program, ["train", "two-layer", "--steps", "5", "--quiet", "--out", Path.Combine(folder, "run"), "--processes", "2"])
        {
            WorkingDirectory = folder,
            Environment = { [variable] = value },
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        using var process = Process.Start(start)!;
        return await CommandLine.EndAsync(process);
    }

    private static Process StartSilo(string configuration) => CommandLine.Start("silo", "--config", configuration);

    private string Configure(string redis, string patience)
    {
        var path = Path.Combine(folder, "silo.json");
        File.WriteAllText(path, JsonSerializer.Serialize(new
        {
            Granary = new { Cluster = new { Redis = redis, StartPatience = patience, SiloPort = ports[0], GrpcPort = ports[2], HttpPort = ports[3] } },
        }));
        return path;
    }
}

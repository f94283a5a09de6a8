using System.Diagnostics;
using Granary.Contracts;
using Granary.LocalClusters;
using Granary.Silo.Security;

namespace Granary.Cluster.Tests.Security;

/// <summary>Two silos that prove to one another who they are, before a Redis with TLS, a user and a password.</summary>
public sealed class SecuredClusterTests : IAsyncLifetime
{
    private readonly Secrets secrets = new();
    private readonly int[] ports = FreePorts.Take(2);
    private readonly List<SecuredSilo> silos = [];
    private Process redis = null!;

    private string Authority => secrets.In("ours", "authority.pem");

    private string Server => silos[0].Server.ToString();

    public async Task InitializeAsync()
    {
        var options = secrets.Certificates();
        RedisUser.Write(secrets.Folder);
        redis = Process.Start(new ProcessStartInfo("redis-server", ["-"]) { RedirectStandardInput = true, RedirectStandardOutput = true })!;
        await redis.StandardInput.WriteAsync($"""
            port {ports[0]}
            tls-port {ports[1]}
            bind 127.0.0.1
            save ""
            tls-cert-file {secrets.In("ours", "redis.pem")}
            tls-key-file {secrets.In("ours", "redis.key")}
            tls-ca-cert-file {Authority}
            aclfile {secrets.In("redis.acl")}

            """);
        redis.StandardInput.Close();
        silos.AddRange(Enumerable.Range(0, 2).Select(number => Start($"silo-{number}", $"127.0.0.1:{ports[1]},user=granary,ssl=true", options)));
        await Task.WhenAll(silos.Select(silo => silo.SaysAsync("trains with")));
    }

    public async Task DisposeAsync()
    {
        foreach (var silo in silos)
        {
            await silo.DisposeAsync();
        }
        redis.Kill();
        redis.Dispose();
        secrets.Dispose();
    }

    [Fact]
    public async Task Cluster_TrainsForOperators_ShowsToViewers_AndTellsNobodyItsPassword()
    {
        Assert.Equal(0, (await RunAsync("login", "--server", Server, "--authority", Authority, "--token", secrets.Operator)).ExitCode);
        var trained = await RunAsync("submit", "two-layer", "--steps", "20", "--workers", "2", "--out", secrets.In("run"), "--server", Server, "--wait");
        Assert.Contains("succeeded at step 20 of 20", trained.Output, StringComparison.Ordinal);
        Assert.Contains("olga at 127.0.0.1:", silos[0].Log, StringComparison.Ordinal);
        Assert.All(silos, silo => Assert.Contains("by Tcp, encrypted", silo.Log, StringComparison.Ordinal));
        Assert.All(silos, silo => Assert.DoesNotContain(File.ReadAllText(secrets.In("redis-password")).Trim(), silo.Log, StringComparison.Ordinal));

        await RunAsync("submit", "two-layer", "--steps", "100000000", "--id", "endless", "--out", secrets.In("endless"), "--server", Server);
        using var watching = CommandLine.Start("env", [$"GRANARY_TOKEN={secrets.Viewer}", $"XDG_CONFIG_HOME={secrets.Folder}", CommandLine.Program, "watch", "endless", "--server", Server]);
        while (await watching.StandardOutput.ReadLineAsync() is { } line && !line.Contains("step ", StringComparison.Ordinal))
        {
        }
        AccessTokenFile.Remove(secrets.TokensFile, "vic");
        var watched = await CommandLine.EndAsync(watching);
        Assert.Equal((1, "granary: This token opens nothing here; it may have been revoked."), (watched.ExitCode, watched.Error[..watched.Error.IndexOf(" granary login", StringComparison.Ordinal)]));
    }

    [Fact]
    public async Task Silo_OfAnotherAuthority_DoesNotJoin_ThoughItHasRedisPassword()
    {
        await using var stranger = Start("stranger", $"127.0.0.1:{ports[0]},user=granary", secrets.Certificates("theirs"));
        await stranger.SaysAsync("Authentication failed");
        using var client = new TrainingClient(new ServerAccess(silos[0].Server, secrets.Viewer, File.ReadAllText(Authority)));
        Assert.Equal(["silo-0", "silo-1"], (await client.NodesAsync()).Select(node => node.Name).Order());
        Assert.DoesNotContain("trains with", stranger.Log, StringComparison.Ordinal);
    }

    private SecuredSilo Start(string name, string address, SecurityOptions files) =>
        new(name, "secured", address, new { secrets.TokensFile, files.Certificate, files.Key, files.Authority }, secrets.Folder, secrets.In("redis-password"));

    /// <summary>As a user whose logins are of this test.</summary>
    private Task<CommandResult> RunAsync(params string[] arguments) => CommandLine.RunProcessAsync([("XDG_CONFIG_HOME", secrets.Folder)], arguments);
}

using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using Granary.Silo.Settings;
using StackExchange.Redis;

namespace Granary.LocalClusters;

/// <summary>A redis-server of a cluster's own, with an append-only file: what it has acknowledged outlives a restart.</summary>
public sealed class RedisProcess : IAsyncDisposable
{
    private const string EndWithInput = """exec 3<&0; (read -r _ <&3; kill -9 $$) 2>/dev/null & exec "$0" "$@" """;
    private const string Needed = "several processes find one another through it. Install it (apt-get install redis-server), or name a running one with --redis HOST:PORT.";
    private readonly IPAddress host;
    private readonly int port = FreePorts.Take(1)[0];
    private readonly string folder;

    private RedisProcess(IPAddress host, string folder) => (this.host, this.folder) = (host, folder);

    /// <summary>HOST:PORT.</summary>
    public string Address => $"{host}:{port}";

    /// <summary>Another one after a restart.</summary>
    public Process Process { get; private set; } = null!;

    /// <exception cref="ClusterStartException"/>
    public static async Task<RedisProcess> StartAsync(IPAddress host, string folder)
    {
        var redis = new RedisProcess(host, folder);
        await redis.StartAsync();
        return redis;
    }

    /// <summary>Ends it in good order and starts it again with what its file holds.</summary>
    public async Task RestartAsync()
    {
        Signals.Send(Process, Signals.Terminate);
        var ended = Process;
        await ended.WaitForExitAsync();
        await StartAsync();
        ended.Dispose();
    }

    /// <summary>It forgets everything, as one that comes back without its file.</summary>
    public async Task LoseDataAsync()
    {
        await using var connection = await ConnectionMultiplexer.ConnectAsync(new ConfigurationOptions { EndPoints = { { host, port } }, AllowAdmin = true });
        await connection.GetServers().Single().FlushAllDatabasesAsync();
    }

    public async ValueTask DisposeAsync()
    {
        Process.Kill();
        await Process.WaitForExitAsync();
        Process.Dispose();
    }

    private async Task StartAsync()
    {
        try
        {
            // In a session of its own: Ctrl+C in the terminal is for the run, not for Redis. It ends with this program,
            // however that ends: its standard input closes then.
            Process = Process.Start(new ProcessStartInfo("setsid",
            [
                "sh", "-c", EndWithInput, "redis-server", "--port", $"{port}", "--bind", $"{host}", "--protected-mode", "no",
                "--save", "", "--appendonly", "yes", "--dir", folder,
            ])
            {
                RedirectStandardInput = true,
                RedirectStandardOutput = true,
                RedirectStandardError = true,
            })!;
        }
        catch (System.ComponentModel.Win32Exception missing)
        {
            throw new ClusterStartException($"redis-server did not start: {Needed}", missing);
        }
        _ = Process.StandardOutput.ReadToEndAsync();
        _ = Process.StandardError.ReadToEndAsync();
        await Startup.WaitAsync("redis-server", Process, async timeout =>
        {
            using var socket = new TcpClient();
            await socket.ConnectAsync(host, port, timeout);
        }, () => Needed);
    }
}

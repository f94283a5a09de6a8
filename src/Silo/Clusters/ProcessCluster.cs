using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text.Json;

namespace Granary.Silo.Clusters;

/// <summary>A cluster of processes on this machine: silos with Redis membership, as on many machines.</summary>
public sealed class ProcessCluster : IRunCluster
{
    private static readonly TimeSpan StartTime = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan StopTime = TimeSpan.FromSeconds(15);
    private const string EndWithInput = """exec 3<&0; (read -r _ <&3; kill -9 $$) 2>/dev/null & exec "$0" "$@" """;
    private readonly List<Process> silos = [];
    private readonly string folder = Directory.CreateTempSubdirectory("granary-").FullName;
    private Process? redis;

    private ProcessCluster()
    {
    }

    public Uri Server { get; private set; } = null!;

    /// <summary>Where its first silo shows its metrics and health.</summary>
    public Uri Metrics { get; private set; } = null!;

    /// <summary>The silos' processes, for tests that end some of them.</summary>
    public IReadOnlyList<Process> Silos => silos;

    /// <param name="processes">Silos; the workers' slots are spread over them.</param>
    /// <param name="redisAddress"><see langword="null"/>: a redis-server of the cluster's own is started.</param>
    /// <exception cref="ClusterStartException"/>
    public static async Task<ProcessCluster> StartAsync(int processes, int workers, string? redisAddress = null)
    {
        var cluster = new ProcessCluster();
        try
        {
            redisAddress ??= await cluster.StartRedisAsync();
            var id = $"granary-{Guid.NewGuid():N}";
            var http = new List<int>();
            for (var i = 0; i < processes; i++)
            {
                var ports = FreePorts(4);
                http.Add(ports[3]);
                cluster.Server ??= new($"http://127.0.0.1:{ports[2]}");
                cluster.Metrics ??= new($"http://127.0.0.1:{ports[3]}");
                cluster.StartSilo(i, new
                {
                    Granary = new
                    {
                        Cluster = new { ClusterId = id, Redis = redisAddress, SiloPort = ports[0], GatewayPort = ports[1], GrpcPort = ports[2], HttpPort = ports[3] },
                        Node = new { Name = $"silo-{i}", Slots = workers / processes + (i < workers % processes ? 1 : 0) },
                    },
                });
            }
            await Task.WhenAll(http.Select((port, i) => cluster.WaitForSiloAsync(i, port)));
            return cluster;
        }
        catch
        {
            await cluster.DisposeAsync();
            throw;
        }
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var silo in silos.Where(silo => !silo.HasExited))
        {
            silo.StandardInput.Close();
        }
        using var patience = new CancellationTokenSource(StopTime);
        foreach (var process in redis is null ? silos : silos.Append(redis))
        {
            try
            {
                if (process == redis)
                {
                    process.Kill();
                }
                await process.WaitForExitAsync(patience.Token);
            }
            catch (OperationCanceledException)
            {
                process.Kill(entireProcessTree: true);
            }
            process.Dispose();
        }
        Directory.Delete(folder, recursive: true);
    }

    private async Task<string> StartRedisAsync()
    {
        var port = FreePorts(1)[0];
        try
        {
            // In a session of its own: Ctrl+C in the terminal is for the run, not for Redis. It ends with this program,
            // however that ends: its standard input closes then.
            redis = Process.Start(new ProcessStartInfo("setsid", ["sh", "-c", EndWithInput, "redis-server", "--port", $"{port}", "--bind", "127.0.0.1", "--save", "", "--dir", folder])
            {
                RedirectStandardInput = true,
                RedirectStandardOutput = true,
                RedirectStandardError = true,
            })!;
        }
        catch (System.ComponentModel.Win32Exception missing)
        {
            throw RedisMissing(missing);
        }
        _ = redis.StandardOutput.ReadToEndAsync();
        await WaitAsync("redis-server", redis, async () =>
        {
            using var socket = new TcpClient();
            await socket.ConnectAsync(IPAddress.Loopback, port);
        }, () => RedisMissing(null).Message);
        return $"127.0.0.1:{port}";
    }

    private static ClusterStartException RedisMissing(Exception? inner) =>
        new("Several processes find one another through Redis, and redis-server did not start. Install it (apt-get install redis-server), or name a running one with --redis HOST:PORT.", inner);

    private void StartSilo(int index, object configuration)
    {
        var file = Path.Combine(folder, $"silo-{index}.json");
        File.WriteAllText(file, JsonSerializer.Serialize(configuration));
        var program = Path.Combine(AppContext.BaseDirectory, OperatingSystem.IsWindows() ? "granary.exe" : "granary");
        var silo = Process.Start(new ProcessStartInfo(program, ["silo", "--config", file, "--attached"])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        })!;
        silos.Add(silo);
        var log = File.CreateText(LogOf(index));
        log.AutoFlush = true;
        var writer = TextWriter.Synchronized(log);
        silo.OutputDataReceived += (_, line) => writer.WriteLine(line.Data);
        silo.ErrorDataReceived += (_, line) => writer.WriteLine(line.Data);
        silo.BeginOutputReadLine();
        silo.BeginErrorReadLine();
    }

    private string LogOf(int index) => Path.Combine(folder, $"silo-{index}.log");

    private async Task WaitForSiloAsync(int index, int httpPort)
    {
        using var http = new HttpClient();
        await WaitAsync($"silo-{index}", silos[index], async () => (await http.GetAsync($"http://127.0.0.1:{httpPort}/healthz")).EnsureSuccessStatusCode(), () =>
            $"silo-{index} did not start: {string.Join(' ', File.ReadLines(LogOf(index)).Where(line => line.Length > 0).TakeLast(3))}");
    }

    private static async Task WaitAsync(string what, Process process, Func<Task> attempt, Func<string> explain)
    {
        var started = Stopwatch.GetTimestamp();
        while (true)
        {
            try
            {
                await attempt();
                return;
            }
            catch (Exception error) when (error is SocketException or HttpRequestException)
            {
                if (process.HasExited)
                {
                    throw new ClusterStartException(explain(), error);
                }
                if (Stopwatch.GetElapsedTime(started) > StartTime)
                {
                    throw new ClusterStartException($"{what} did not answer within {StartTime.TotalSeconds:0} s.", error);
                }
                await Task.Delay(50);
            }
        }
    }

    private static int[] FreePorts(int count)
    {
        var listeners = Enumerable.Range(0, count).Select(_ => new TcpListener(IPAddress.Loopback, 0)).ToList();
        listeners.ForEach(listener => listener.Start());
        var ports = listeners.Select(listener => ((IPEndPoint)listener.LocalEndpoint).Port).ToArray();
        listeners.ForEach(listener => listener.Stop());
        return ports;
    }
}

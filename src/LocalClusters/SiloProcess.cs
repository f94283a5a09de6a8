using System.Diagnostics;
using System.Net;
using System.Text.Json;
using Granary.Contracts;
using Granary.Silo;
using Granary.Silo.Settings;
using Granary.Training.Exchange.Links;
using Granary.Training.Tasks;

namespace Granary.LocalClusters;

/// <summary>A silo of a <see cref="ProcessCluster"/>: a node's name and ports, and the process that stands for it now.</summary>
public sealed class SiloProcess : IDisposable
{
    // No core files: a silo that finds itself declared dead ends by an abort.
    private const string WithoutCores = """ulimit -c 0; exec "$0" "$@" """;
    private readonly string configuration;
    private readonly string? network;
    private readonly IReadOnlyList<string> arguments;
    private readonly IReadOnlyDictionary<string, string> environment;
    private readonly TextWriter log;

    internal SiloProcess(string name, IReadOnlyList<string> devices, SiloPlace place, ProcessClusterOptions options, string redis, string folder, int pagePort = 0)
    {
        var (ports, host) = (FreePorts.Take(4), place.Address);
        ports[2] = pagePort > 0 ? pagePort : ports[2];
        (Name, Host, DataPort) = (name, host, ports[3]);
        (network, arguments, environment) = (place.Network, options.SiloArguments, options.Environment);
        (Server, Http) = (new($"http://{host}:{ports[1]}"), new($"http://{host}:{ports[2]}"));
        LogPath = Path.Combine(folder, $"{name}.log");
        configuration = Path.Combine(folder, $"{name}.json");
        var isAlike = devices.Distinct().Count() < 2;
        log = TextWriter.Synchronized(new StreamWriter(LogPath) { AutoFlush = true });
        File.WriteAllText(configuration, JsonSerializer.Serialize(new
        {
            Granary = new
            {
                // This cluster's Redis runs before its silos: one that does not answer is the wrong one.
                Cluster = new { options.ClusterId, Redis = redis, StartPatience = "00:00:10", AdvertisedAddress = $"{host}", SiloPort = ports[0], GrpcPort = ports[1], HttpPort = ports[2] },
                // Such an address is one of a network within this machine.
                Security = new { AllowInsecure = !IPAddress.IsLoopback(host) },
                // A silo with an address of its own stands for a machine: what its cable is to carry must not go through memory.
                Node = new { Name = name, Slots = isAlike ? devices.Count : 1, Device = isAlike ? devices.FirstOrDefault(DeviceName.Cpu) : string.Join(',', devices), DataHost = $"{host}", DataPort, Transport = $"{(IPAddress.IsLoopback(host) ? Transport.Auto : Transport.Tcp)}" },
            },
        }));
    }

    public string Name { get; }

    public IPAddress Host { get; }

    /// <summary>Where it takes gradients.</summary>
    public int DataPort { get; }

    /// <summary>Where it takes gRPC calls.</summary>
    public Uri Server { get; }

    /// <summary>Where it shows metrics and health.</summary>
    public Uri Http { get; }

    /// <summary>The file that has what all its processes have said.</summary>
    public string LogPath { get; }

    /// <summary>Another one after a restart.</summary>
    public Process Process { get; private set; } = null!;

    public bool IsRunning => Process is { HasExited: false };

    /// <summary>Told of every line that a process of it writes; on any thread.</summary>
    public event Action<string>? Said;

    /// <summary>Writes a line to the process's standard input; lost if it has ended.</summary>
    public void Say(string line)
    {
        try
        {
            lock (configuration)
            {
                Process.StandardInput.WriteLine(line);
                Process.StandardInput.Flush();
            }
        }
        catch (Exception ended) when (ended is IOException or ObjectDisposedException or InvalidOperationException)
        {
        }
    }

    internal void Start()
    {
        string[] command = [.. GranaryEnvironment.Program, "silo", "--config", configuration, "--attached", .. arguments];
        if (network is not null)
        {
            // Not by `ip netns exec`, which hides later mounts from the silo.
            command = ["nsenter", $"--net={network}", .. command];
        }
        if (!OperatingSystem.IsWindows())
        {
            command = ["sh", "-c", WithoutCores, .. command];
        }
        var start = new ProcessStartInfo(command[0], command[1..])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        start.Environment["DOTNET_DbgEnableMiniDump"] = "0";
        foreach (var (variable, value) in environment)
        {
            start.Environment[variable] = value;
        }
        var ended = Process;
        Process = Process.Start(start)!;
        ended?.Dispose();
        Process.OutputDataReceived += (_, line) => Hear(line.Data);
        Process.ErrorDataReceived += (_, line) => Hear(line.Data);
        Process.BeginOutputReadLine();
        Process.BeginErrorReadLine();
    }

    /// <summary>Waits until it has joined its cluster.</summary>
    /// <exception cref="ClusterStartException"/>
    internal async Task WaitAsync()
    {
        using var http = DirectHttp.CreateClient();
        await Startup.WaitAsync(Name, Process, async timeout => (await http.GetAsync(new Uri(Http, "/healthz"), timeout)).EnsureSuccessStatusCode(), () =>
            LastWords.Of(File.ReadLines(LogPath)));
    }

    /// <summary>Lets the process end in good order; it is killed when <paramref name="patience"/> is out.</summary>
    internal async Task StopAsync(CancellationToken patience)
    {
        if (!Process.HasExited)
        {
            Process.StandardInput.Close();
        }
        try
        {
            await Process.WaitForExitAsync(patience);
        }
        catch (OperationCanceledException)
        {
            Process.Kill(entireProcessTree: true);
        }
    }

    internal void Kill()
    {
        if (!Process.HasExited)
        {
            Process.Kill(entireProcessTree: true);
        }
    }

    public void Dispose()
    {
        Process?.Dispose();
        log.Dispose();
    }

    private void Hear(string? line)
    {
        if (line is not null)
        {
            log.WriteLine(line);
            Said?.Invoke(line);
        }
    }
}

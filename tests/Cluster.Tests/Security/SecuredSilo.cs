using System.Diagnostics;
using System.Text.Json;
using System.Threading.Channels;
using Granary.LocalClusters;

namespace Granary.Cluster.Tests.Security;

/// <summary>A silo as somebody configures it, in a process of its own.</summary>
internal sealed class SecuredSilo : IAsyncDisposable
{
    private readonly List<string> said = [];
    private readonly Process process;
    private readonly Channel<string> unread = Channel.CreateUnbounded<string>();

    /// <param name="security">The settings of that section.</param>
    public SecuredSilo(string name, string clusterId, string redis, object security, string folder, string? passwordFile = null)
    {
        var ports = FreePorts.Take(3);
        (Server, Http) = (new($"https://127.0.0.1:{ports[1]}"), new($"https://127.0.0.1:{ports[2]}"));
        var configuration = Path.Combine(folder, $"{name}.json");
        File.WriteAllText(configuration, JsonSerializer.Serialize(new
        {
            Granary = new
            {
                Cluster = new { ClusterId = clusterId, Redis = redis, RedisPasswordFile = passwordFile, StartPatience = "00:00:10", SiloPort = ports[0], GrpcPort = ports[1], HttpPort = ports[2] },
                // What goes through the memory of one machine is not encrypted.
                Node = new { Name = name, Transport = "Tcp" },
                Security = security,
            },
        }));
        process = CommandLine.Start("silo", "--config", configuration, "--verbose");
        process.OutputDataReceived += (_, line) => Hear(line.Data);
        process.ErrorDataReceived += (_, line) => Hear(line.Data ?? "");
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
    }

    public Uri Server { get; }

    public Uri Http { get; }

    public string Log
    {
        get
        {
            lock (said)
            {
                return string.Join('\n', said);
            }
        }
    }

    /// <summary>Reads on until it has said something.</summary>
    public async Task SaysAsync(string text)
    {
        using var patience = new CancellationTokenSource(TimeSpan.FromMinutes(1));
        await foreach (var line in unread.Reader.ReadAllAsync(patience.Token))
        {
            if (line.Contains(text, StringComparison.Ordinal))
            {
                return;
            }
        }
        Assert.Fail($"The silo has ended before it said '{text}':\n{Log}");
    }

    public async ValueTask DisposeAsync()
    {
        process.Kill();
        await process.WaitForExitAsync();
        process.Dispose();
    }

    private void Hear(string? line)
    {
        if (line is null)
        {
            unread.Writer.TryComplete();
            return;
        }
        lock (said)
        {
            said.Add(line);
        }
        unread.Writer.TryWrite(line);
    }
}

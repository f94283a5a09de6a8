using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Granary.Models.Tests.Data;

/// <summary>A small HTTP server of one body under every name, which can be told to misbehave.</summary>
internal sealed class FileServer : IDisposable
{
    private readonly TcpListener listener = new(IPAddress.Loopback, 0);
    private readonly byte[] body;

    public FileServer(byte[] body)
    {
        this.body = body;
        listener.Start();
        _ = ServeAsync();
    }

    public Uri Address => new($"http://{listener.LocalEndpoint}/data/");

    /// <summary>The Range header of each request, in order; empty where there was none.</summary>
    public List<string> Ranges { get; } = [];

    public bool KnowsRanges { get; init; } = true;

    public string? Refusal { get; init; }

    /// <summary>Answers to the first requests, each a status with further headers, such as <c>503 Busy\r\nRetry-After: 7</c>.</summary>
    public Queue<string> Excuses { get; init; } = [];

    /// <summary>How many connections to cut half-way through what they should send.</summary>
    public int Cuts { get; set; }

    /// <summary>How many connections to leave hanging there instead.</summary>
    public int Silences { get; set; }

    public void Dispose() => listener.Dispose();

    private async Task ServeAsync()
    {
        var hanging = new List<TcpClient>();
        try
        {
            while (true)
            {
                var client = await listener.AcceptTcpClientAsync();
                if (await AnswerAsync(client.GetStream()))
                {
                    client.Dispose();
                }
                else
                {
                    hanging.Add(client);
                }
            }
        }
        catch (Exception error) when (error is SocketException or ObjectDisposedException)
        {
            hanging.ForEach(client => client.Dispose());
        }
    }

    /// <returns>Whether the connection may be closed.</returns>
    private async Task<bool> AnswerAsync(NetworkStream stream)
    {
        using var reader = new StreamReader(stream, Encoding.ASCII, leaveOpen: true);
        var range = "";
        while (await reader.ReadLineAsync() is { Length: > 0 } line)
        {
            range = line.StartsWith("Range: ", StringComparison.OrdinalIgnoreCase) ? line[7..] : range;
        }
        Ranges.Add(range);
        var from = KnowsRanges && range.Length > 0 ? int.Parse(range["bytes=".Length..^1], CultureInfo.InvariantCulture) : 0;
        var excused = Excuses.TryDequeue(out var excuse);
        var status = (excused ? excuse : Refusal) ?? (from >= body.Length ? "416 Range Not Satisfiable" : from > 0 ? "206 Partial Content" : "200 OK");
        var rest = Refusal is null && !excused && from < body.Length ? body.AsMemory(from) : default;
        var contentRange = from > 0 && rest.Length > 0 ? $"Content-Range: bytes {from}-{body.Length - 1}/{body.Length}\r\n" : "";
        await stream.WriteAsync(Encoding.ASCII.GetBytes($"HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: {rest.Length}\r\n{contentRange}\r\n"));
        var (cut, silent) = (Cuts-- > 0, Silences-- > 0);
        await stream.WriteAsync(cut || silent ? rest[..(rest.Length / 2)] : rest);
        return !silent;
    }
}

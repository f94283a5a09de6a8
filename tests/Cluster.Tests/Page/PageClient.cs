using System.Net;
using System.Net.Http.Json;
using System.Text.Json.Nodes;

namespace Granary.Cluster.Tests.Page;

/// <summary>A browser, as far as the server can tell: it keeps cookies, and its changes carry the page's header.</summary>
internal sealed class PageClient : IDisposable
{
    private readonly SocketsHttpHandler handler = new() { CookieContainer = new() };

    public PageClient(Uri server)
    {
        handler.SslOptions.RemoteCertificateValidationCallback = delegate { return true; };
        Http = new(handler) { BaseAddress = server };
    }

    public HttpClient Http { get; }

    public CookieContainer Cookies => handler.CookieContainer;

    public Task<HttpResponseMessage> PostAsync(string path, object? content = null, Action<HttpRequestMessage>? change = null)
    {
        var request = new HttpRequestMessage(HttpMethod.Post, path) { Content = JsonContent.Create(content ?? new object()) };
        request.Headers.Add("X-Granary", "page");
        change?.Invoke(request);
        return Http.SendAsync(request);
    }

    public Task<HttpResponseMessage> SignInAsync(string token) => PostAsync("/api/sign-in", new { token });

    public async Task<JsonNode> GetAsync(string path) => (await Http.GetFromJsonAsync<JsonNode>(path))!;

    public void Dispose() => Http.Dispose();
}

/// <summary>What comes over a stream of events.</summary>
internal sealed class EventStream(Stream content) : IDisposable
{
    private readonly StreamReader reader = new(content);

    public static async Task<EventStream> OpenAsync(HttpClient http, string path = "/api/stream") =>
        new(await (await http.GetAsync(path, HttpCompletionOption.ResponseHeadersRead)).EnsureSuccessStatusCode().Content.ReadAsStreamAsync());

    /// <returns>The next event; <see langword="null"/>: the stream has ended.</returns>
    public async Task<(string Kind, long Id, JsonNode Data)?> NextAsync()
    {
        var (kind, id, data) = ("", 0L, "");
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(30));
        while (await reader.ReadLineAsync(patience.Token) is { } line)
        {
            if (line.Length == 0)
            {
                return (kind, id, JsonNode.Parse(data)!);
            }
            var (name, value) = (line[..line.IndexOf(':', StringComparison.Ordinal)], line[(line.IndexOf(':', StringComparison.Ordinal) + 1)..].TrimStart());
            (kind, id, data) = name switch
            {
                "event" => (value, id, data),
                "id" => (kind, long.Parse(value, System.Globalization.CultureInfo.InvariantCulture), data),
                "data" => (kind, id, value),
                _ => (kind, id, data),
            };
        }
        return null;
    }

    /// <summary>The next of one kind.</summary>
    public async Task<JsonNode> NextAsync(string kind)
    {
        while (await NextAsync() is { } next)
        {
            if (next.Kind == kind)
            {
                return next.Data;
            }
        }
        throw new EndOfStreamException($"The stream ended without an event '{kind}'.");
    }

    public void Dispose() => reader.Dispose();
}

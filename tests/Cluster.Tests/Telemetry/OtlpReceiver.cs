using System.Collections.Concurrent;
using Google.Protobuf;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Granary.Cluster.Tests.Telemetry;

/// <summary>Takes what is sent by OTLP (HTTP, protobuf).</summary>
internal sealed class OtlpReceiver : IAsyncDisposable
{
    private static readonly TimeSpan patience = TimeSpan.FromMinutes(1);
    private readonly WebApplication app;
    private readonly ConcurrentQueue<Sent> sent = [];
    private TaskCompletionSource came = new();

    private OtlpReceiver(WebApplication app) => this.app = app;

    public IEnumerable<Sent> Spans => sent.Where(one => one.Signal == "traces");

    public IEnumerable<Sent> Logs => sent.Where(one => one.Signal == "logs");

    public IEnumerable<Sent> Metrics => sent.Where(one => one.Signal == "metrics");

    /// <summary>For who is to send here, often.</summary>
    public Dictionary<string, string> Environment => new()
    {
        ["OTEL_EXPORTER_OTLP_ENDPOINT"] = app.Urls.Single(),
        ["OTEL_EXPORTER_OTLP_PROTOCOL"] = "http/protobuf",
        ["OTEL_BSP_SCHEDULE_DELAY"] = "100",
        ["OTEL_BLRP_SCHEDULE_DELAY"] = "100",
        ["OTEL_METRIC_EXPORT_INTERVAL"] = "500",
    };

    public static async Task<OtlpReceiver> StartAsync()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        var app = builder.Build();
        var receiver = new OtlpReceiver(app);
        app.MapPost("/v1/{signal}", receiver.TakeAsync);
        await app.StartAsync();
        return receiver;
    }

    /// <summary>Waits until enough has come.</summary>
    public async Task WaitAsync(Func<OtlpReceiver, bool> isEnough)
    {
        using var timeout = new CancellationTokenSource(patience);
        while (true)
        {
            var next = came.Task;
            if (isEnough(this))
            {
                return;
            }
            await next.WaitAsync(timeout.Token);
        }
    }

    public ValueTask DisposeAsync() => app.DisposeAsync();

    private async Task TakeAsync(HttpRequest request, string signal)
    {
        using var body = new MemoryStream();
        await request.Body.CopyToAsync(body);
        foreach (var source in new ProtobufMessage(body.ToArray()).Messages(1))
        {
            var resource = source.Messages(1).Single().Attributes(1);
            foreach (var (scope, item) in source.Messages(2).SelectMany(scope => scope.Messages(2).Select(item => (scope, item))))
            {
                sent.Enqueue(new(signal, resource, scope.Messages(1).Single().Text(1), item));
            }
        }
        Interlocked.Exchange(ref came, new()).TrySetResult();
    }
}

/// <summary>A span, a log record or a metric, and whose it is. Numbers of fields are those of OpenTelemetry's protocol.</summary>
/// <param name="Scope">The source, a log's category, or the meter.</param>
internal sealed record Sent(string Signal, IReadOnlyDictionary<string, string> Resource, string Scope, ProtobufMessage Item)
{
    public string Name => Item.Text(Signal == "traces" ? 5 : 1);

    public string TraceId => Item.Hex(Signal == "traces" ? 1 : 9);

    public string SpanId => Item.Hex(2);

    public string ParentId => Item.Hex(4);

    public string Body => Item.Messages(5).Single().Text(1);

    public IReadOnlyDictionary<string, string> Attributes => Item.Attributes(Signal == "traces" ? 9 : 6);
}

/// <summary>A message that is read without knowing its type.</summary>
internal sealed class ProtobufMessage
{
    private readonly List<(int Field, object Value)> fields = [];

    public ProtobufMessage(byte[] bytes)
    {
        using var input = new CodedInputStream(bytes);
        while (input.ReadTag() is var tag and not 0)
        {
            fields.Add((WireFormat.GetTagFieldNumber(tag), WireFormat.GetTagWireType(tag) switch
            {
                WireFormat.WireType.Varint => input.ReadInt64(),
                WireFormat.WireType.Fixed64 => input.ReadFixed64(),
                WireFormat.WireType.Fixed32 => input.ReadFixed32(),
                _ => input.ReadBytes().ToByteArray(),
            }));
        }
    }

    public IEnumerable<ProtobufMessage> Messages(int field) => Values<byte[]>(field).Select(bytes => new ProtobufMessage(bytes));

    public string Text(int field) => System.Text.Encoding.UTF8.GetString(Values<byte[]>(field).SingleOrDefault([]));

    public string Hex(int field) => Convert.ToHexStringLower(Values<byte[]>(field).SingleOrDefault([]));

    /// <summary>Texts and whole numbers by their keys.</summary>
    public IReadOnlyDictionary<string, string> Attributes(int field) => Messages(field).ToDictionary(
        pair => pair.Text(1),
        pair => pair.Messages(2).Single() is var value && value.Values<long>(3).ToList() is [var number] ? $"{number}" : value.Text(1));

    private IEnumerable<T> Values<T>(int field) => fields.Where(one => one.Field == field).Select(one => one.Value).OfType<T>();
}

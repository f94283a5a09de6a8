using System.Diagnostics;
using Granary.Grains.Telemetry;

namespace Granary.Grains.Tests;

public sealed class RunTraceTests : IDisposable
{
    private const string Trace = "0af7651916cd43dd8448eb211c80319c", Span = "b7ad6b7169203331", Parent = $"00-{Trace}-{Span}-01";
    private readonly SpanRecorder spans = new();

    public void Dispose() => spans.Dispose();

    [Fact]
    public void Span_OfWhichThereAreTooMany_BeginsATraceThatLinksToTheRun()
    {
        using var around = new Activity("a request").Start();
        using (var child = RunTrace.BeginOneOfMany("begin round", RunTrace.MostChildren, Parent, "many"))
        {
            Assert.Equal((Trace, Span), ($"{child!.TraceId}", $"{child.ParentSpanId}"));
        }
        using var linked = RunTrace.BeginOneOfMany("begin round", RunTrace.MostChildren + 1, Parent, "many");
        Assert.NotEqual(Trace, $"{linked!.TraceId}");
        Assert.NotEqual(around.TraceId, linked.TraceId);
        Assert.Equal(default, linked.ParentSpanId);
        Assert.Equal([(Trace, Span)], linked.Links.Select(link => ($"{link.Context.TraceId}", $"{link.Context.SpanId}")));
    }

    [Theory]
    [InlineData(null)]
    [InlineData("00-not-a-trace")]
    public void Span_WithoutAParent_BeginsATrace(string? parent)
    {
        using var around = new Activity("a request").Start();
        using var span = RunTrace.Begin("accept run", parent, "alone");
        Assert.Equal(default, span!.ParentSpanId);
        Assert.NotEqual(around.TraceId, span.TraceId);
        Assert.Empty(span.Links);
    }
}

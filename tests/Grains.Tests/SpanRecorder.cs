using System.Collections.Concurrent;
using System.Diagnostics;
using Granary.Grains.Telemetry;

namespace Granary.Grains.Tests;

/// <summary>Keeps the spans that have ended.</summary>
internal sealed class SpanRecorder : IDisposable
{
    private readonly ConcurrentQueue<Activity> ended = [];
    private readonly ActivityListener listener;

    public SpanRecorder()
    {
        listener = new()
        {
            ShouldListenTo = source => source.Name == TrainingInstruments.Name,
            Sample = (ref _) => ActivitySamplingResult.AllDataAndRecorded,
            ActivityStopped = ended.Enqueue,
        };
        ActivitySource.AddActivityListener(listener);
    }

    public List<Activity> Of(string runId) => [.. ended.Where(span => (string?)span.GetTagItem("run.id") == runId)];

    public void Dispose() => listener.Dispose();
}

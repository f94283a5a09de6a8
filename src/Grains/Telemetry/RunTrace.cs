using System.Diagnostics;

namespace Granary.Grains.Telemetry;

/// <summary>
/// The spans of a run, one trace from whoever submits it to its last checkpoint. Only short spans have children: a span is exported when it
/// ends, so a silo that is killed leaves no gap above what comes after. See docs/metrics.md.
/// </summary>
public static class RunTrace
{
    /// <summary>So many rounds of a run, and checkpoints of a round, belong to its trace; later ones begin a trace each, which links to it.</summary>
    public const int MostChildren = 100;

    private static readonly ActivitySource source = new(TrainingInstruments.Name);

    /// <param name="parent">A W3C <c>traceparent</c>; <see langword="null"/>, or what is none: the span begins a trace.</param>
    /// <param name="started">Default: now.</param>
    /// <returns><see langword="null"/>: nobody listens.</returns>
    public static Activity? Begin(string name, string? parent, string runId, ActivityKind kind = ActivityKind.Internal, DateTimeOffset started = default) =>
        Start(name, ContextOf(parent), [], runId, kind, started);

    /// <summary>A span of which there may be ever more.</summary>
    /// <param name="number">How many of them there are, with this one.</param>
    public static Activity? BeginOneOfMany(string name, long number, string? parent, string runId, DateTimeOffset started = default) =>
        number > MostChildren && ContextOf(parent) is var context && context != default
            ? Start(name, default, [new(context)], runId, ActivityKind.Internal, started)
            : Begin(name, parent, runId, started: started);

    /// <summary>What the span stood for did not come to a good end.</summary>
    public static void Fail(this Activity? span, string? reason) => span?.SetStatus(ActivityStatusCode.Error, reason);

    private static Activity? Start(string name, ActivityContext parent, IEnumerable<ActivityLink> links, string runId, ActivityKind kind, DateTimeOffset started)
    {
        var around = Activity.Current;
        if (parent == default)
        {
            // What happens to be under way, such as a request, is no parent.
            Activity.Current = null;
        }
        var span = source.StartActivity(name, kind, parent, [new("run.id", runId)], links, started);
        if (span is null)
        {
            Activity.Current = around;
        }
        return span;
    }

    private static ActivityContext ContextOf(string? parent) => ActivityContext.TryParse(parent, null, isRemote: true, out var context) ? context : default;
}

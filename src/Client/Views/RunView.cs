using Granary.Contracts;
using Granary.Training.Tasks;
using Spectre.Console;

namespace Granary.Client.Views;

/// <summary>Shows a run while it goes on.</summary>
internal abstract class RunView
{
    /// <summary>Live in a terminal, and plain lines where that does not work.</summary>
    public static IEnumerable<RunView> All() =>
        AnsiConsole.Profile.Capabilities.Interactive && !Console.IsOutputRedirected ? [new LiveView(), new PlainView(Console.Out)] : [new PlainView(Console.Out)];

    /// <summary>Shows the events until there are no more.</summary>
    public abstract Task ShowAsync(IAsyncEnumerable<RunEvent> events);

    protected static double Epoch(RunStatus run) => run.StepsPerEpoch > 0 ? (double)run.Step / run.StepsPerEpoch : 0;

    protected static string MetricsOf(RunStatus run, string separator) => string.Join(separator, run.Metrics
        .Where(metric => metric.Key != Metrics.Samples)
        .OrderBy(metric => metric.Key, StringComparer.Ordinal)
        .Select(metric => $"{metric.Key} {metric.Value:G4}"));

    protected static string Remaining(RunStatus run, double stepsPerSecond)
    {
        const double Day = 86_400;
        return ((run.TotalSteps - run.Step) / stepsPerSecond) switch
        {
            double.PositiveInfinity => "?",
            >= 1000 * Day => "years",
            >= 2 * Day and var seconds => $"{seconds / Day:0} days",
            >= 3600 and var seconds => $"{(int)(seconds / 3600)} h {(int)(seconds / 60) % 60:00} min",
            >= 60 and var seconds => $"{(int)(seconds / 60)} min {(int)seconds % 60:00} s",
            >= 0 and var seconds when run.TotalSteps > 0 => $"{seconds:0} s",
            _ => "?",
        };
    }

    protected static double StepsPerSecond(RunStatus run, long firstStep) =>
        run.Elapsed > TimeSpan.Zero ? (run.Step - firstStep) / run.Elapsed.TotalSeconds : 0;
}

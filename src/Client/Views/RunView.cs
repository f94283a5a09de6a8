using Granary.Contracts;
using Spectre.Console;

namespace Granary.Client.Views;

/// <summary>Shows a run while it goes on.</summary>
internal abstract class RunView
{
    /// <summary>Live in a terminal, plain lines elsewhere, nothing if quiet.</summary>
    public static RunView Create(bool quiet) =>
        quiet ? new PlainView(TextWriter.Null) : AnsiConsole.Profile.Capabilities.Interactive && !Console.IsOutputRedirected ? new LiveView() : new PlainView(Console.Out);

    /// <returns>The run's last status.</returns>
    public abstract Task<RunStatus> ShowAsync(IAsyncEnumerable<RunEvent> events);

    protected static double Epoch(RunStatus run) => run.StepsPerEpoch > 0 ? (double)run.Step / run.StepsPerEpoch : 0;

    protected static string Remaining(RunStatus run, double stepsPerSecond)
    {
        if (run.TotalSteps == 0 || stepsPerSecond <= 0)
        {
            return "?";
        }
        var left = TimeSpan.FromSeconds((run.TotalSteps - run.Step) / stepsPerSecond);
        return left.TotalHours >= 1 ? $"{(int)left.TotalHours} h {left.Minutes:00} min" : left.TotalMinutes >= 1 ? $"{left.Minutes} min {left.Seconds:00} s" : $"{left.TotalSeconds:0} s";
    }

    protected static double StepsPerSecond(RunStatus run, long firstStep) =>
        run.Elapsed > TimeSpan.Zero ? (run.Step - firstStep) / run.Elapsed.TotalSeconds : 0;
}

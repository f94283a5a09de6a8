using Granary.Contracts;
using Granary.Training.Wording;

namespace Granary.Client.Views;

/// <summary>A line for what happens, and one every few seconds for how it goes.</summary>
internal sealed class PlainView(TextWriter output) : RunView
{
    private static readonly TimeSpan ProgressEvery = TimeSpan.FromSeconds(5);

    public override async Task ShowAsync(IAsyncEnumerable<RunEvent> events)
    {
        var firstStep = default(long?);
        var shown = DateTimeOffset.MinValue;
        await foreach (var entry in events)
        {
            var last = entry.Status;
            firstStep ??= last.State == RunState.Running ? last.Step : null;
            if (entry.Message.Length > 0)
            {
                output.WriteLine($"{entry.Time.LocalDateTime:HH:mm:ss} {last.State.ToString().ToLowerInvariant()}: {Shown.OneLine(entry.Message)}");
            }
            else if (entry.Time - shown >= ProgressEvery)
            {
                shown = entry.Time;
                output.WriteLine($"{entry.Time.LocalDateTime:HH:mm:ss} step {last.Step:N0}/{last.TotalSteps:N0}  epoch {Epoch(last):0.00}  {MetricsOf(last, "  ")}  {last.UnitsPerSecond:N0} {last.Unit}/s  {Remaining(last, StepsPerSecond(last, firstStep ?? 0))} left");
            }
        }
    }
}

using Granary.Contracts;
using Granary.Training.Tasks;
using Spectre.Console;
using Spectre.Console.Rendering;

namespace Granary.Client.Views;

/// <summary>One panel that is drawn anew: progress, metrics, speed, workers; what happened stands below.</summary>
internal sealed class LiveView : RunView
{
    private const int LastMessages = 4, BarWidth = 40;
    private readonly Queue<string> messages = new();
    private long? firstStep;

    public override async Task<RunStatus> ShowAsync(IAsyncEnumerable<RunEvent> events)
    {
        RunStatus? last = null;
        await AnsiConsole.Live(new Text("Starting the cluster ...")).StartAsync(async live =>
        {
            await foreach (var entry in events)
            {
                last = entry.Status;
                firstStep ??= last.State == RunState.Running ? last.Step : null;
                Note(entry);
                live.UpdateTarget(Draw(last));
            }
        });
        return last!;
    }

    private void Note(RunEvent entry)
    {
        if (entry.Message.Length == 0)
        {
            return;
        }
        messages.Enqueue($"{entry.Time.LocalDateTime:HH:mm:ss} {entry.Message}");
        if (messages.Count > LastMessages)
        {
            messages.Dequeue();
        }
    }

    private IRenderable Draw(RunStatus run)
    {
        var grid = new Grid().AddColumn(new GridColumn().NoWrap()).AddColumn();
        Row("progress", new Markup($"{Bar(run)} {Share(run):P0}  step {run.Step:N0}/{run.TotalSteps:N0}  epoch {Epoch(run):0.00}"));
        Row("metrics", new Text(string.Join("   ", run.Metrics.Where(metric => metric.Key != Metrics.Samples).Select(metric => $"{metric.Key} {metric.Value:G4}"))));
        if (run.Best is { } best)
        {
            Row("best", new Text($"{run.Measure} {best:G5}"));
        }
        Row("speed", new Text($"{run.UnitsPerSecond:N0} {run.Unit}/s   {Remaining(run, StepsPerSecond(run, firstStep ?? 0))} left"));
        Row("workers", new Text($"{run.Slots.Count} in {run.Processes} process{(run.Processes == 1 ? "" : "es")}, round {run.Round}: {string.Join("  ", run.Slots)}"));
        return new Rows(
            new Panel(grid).Header($" {run.Spec.Task} · {run.Spec.RunId} · {run.State.ToString().ToLowerInvariant()} ").Expand(),
            new Text(string.Join('\n', messages), new Style(Color.Grey)));

        void Row(string name, IRenderable value) => grid.AddRow(new Text(name, new Style(Color.Grey)), value);
    }

    private static double Share(RunStatus run) => run.TotalSteps > 0 ? (double)run.Step / run.TotalSteps : 0;

    private static string Bar(RunStatus run)
    {
        var filled = (int)(Share(run) * BarWidth);
        return $"[green]{new string('━', filled)}[/][grey]{new string('━', BarWidth - filled)}[/]";
    }
}

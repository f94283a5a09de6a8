using Granary.Contracts;
using Granary.Training.Wording;
using Spectre.Console;
using Spectre.Console.Rendering;

namespace Granary.Client.Views;

/// <summary>One panel that is drawn anew: progress, metrics, speed, workers; what happened stands below.</summary>
internal sealed class LiveView : RunView
{
    private const int LastMessages = 4, BarWidth = 40;
    private readonly Queue<string> messages = new();
    private long? firstStep;

    public override Task ShowAsync(IAsyncEnumerable<RunEvent> events) =>
        AnsiConsole.Live(new Text("Starting the cluster ...")).StartAsync(async live =>
        {
            await foreach (var entry in events)
            {
                firstStep ??= entry.Status.State == RunState.Running ? entry.Status.Step : null;
                Note(entry);
                live.UpdateTarget(Draw(entry.Status));
            }
        });

    private void Note(RunEvent entry)
    {
        if (entry.Message.Length == 0)
        {
            return;
        }
        messages.Enqueue($"{entry.Time.LocalDateTime:HH:mm:ss} {Shown.OneLine(entry.Message)}");
        if (messages.Count > LastMessages)
        {
            messages.Dequeue();
        }
    }

    internal IRenderable Draw(RunStatus run)
    {
        var grid = new Grid().AddColumn(new GridColumn().NoWrap()).AddColumn();
        Row("progress", new Markup($"{Bar(run)} {Share(run):P0}  step {run.Step:N0}/{run.TotalSteps:N0}  epoch {Epoch(run):0.00}"));
        Row("metrics", new Text(MetricsOf(run, "   ")));
        if (run.Best is { } best)
        {
            Row("best", new Text($"{run.Measure} {best:G5}"));
        }
        Row("speed", new Text($"{run.UnitsPerSecond:N0} {run.Unit}/s   {Remaining(run, StepsPerSecond(run, firstStep ?? 0))} left"));
        Row("workers", new Text($"{run.Slots.Count} in {run.Processes} process{(run.Processes == 1 ? "" : "es")}, round {run.Round}: {string.Join("  ", run.Slots)}"));
        return new Rows(
            new Panel(grid).Header(Markup.Escape($" {run.Spec.Task} · {run.Spec.RunId} · {run.State.ToString().ToLowerInvariant()} ")).Expand(),
            new Text(string.Join('\n', messages), new Style(Color.Grey)));

        void Row(string name, IRenderable value) => grid.AddRow(new Text(name, new Style(Color.Grey)), value);
    }

    private static double Share(RunStatus run) => run.TotalSteps > 0 ? Math.Clamp((double)run.Step / run.TotalSteps, 0, 1) : 0;

    private static string Bar(RunStatus run)
    {
        var filled = (int)(Share(run) * BarWidth);
        return $"[green]{new string('━', filled)}[/][grey]{new string('━', BarWidth - filled)}[/]";
    }
}

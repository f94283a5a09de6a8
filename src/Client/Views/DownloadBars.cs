using Spectre.Console;

namespace Granary.Client.Views;

/// <summary>How far files have come: bars in a terminal, nothing elsewhere. A bar that cannot be drawn stops no download.</summary>
internal sealed class DownloadBars : IDisposable
{
    private readonly Dictionary<string, ProgressTask> bars = [];
    private readonly TaskCompletionSource over = new();
    private readonly Task drawing;
    private ProgressContext? display;

    public DownloadBars() => drawing = AnsiConsole.Profile.Capabilities.Interactive && !Console.IsOutputRedirected
        ? AnsiConsole.Progress().StartAsync(started =>
        {
            display = started;
            return over.Task;
        })
        : Task.CompletedTask;

    public void Show(string file, long received, long length)
    {
        if (display is null)
        {
            return;
        }
        if (!bars.TryGetValue(file, out var bar))
        {
            bars.Add(file, bar = display.AddTask(Markup.Escape(file), maxValue: length));
        }
        bar.Value = received;
    }

    public void Dispose()
    {
        over.TrySetResult();
        drawing.ContinueWith(_ => { }, TaskScheduler.Default).Wait();
    }
}

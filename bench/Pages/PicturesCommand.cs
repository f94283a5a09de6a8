using System.CommandLine;
using Granary.Contracts;
using Granary.LocalClusters;
using Microsoft.Playwright;

namespace Granary.Bench.Pages;

/// <summary><c>granary bench pictures [FOLDER]</c>: README's pictures of the page, of runs that train meanwhile. A minute or two.</summary>
internal static class PicturesCommand
{
    // Laid out as on a screen, then smaller: 900 pixels wide in the files.
    private const int Width = 1200;
    private const float Scale = 0.75f;
    // Three of the language model's four validations are drawn then.
    private const long EnoughSteps = 620;

    public static Command Create()
    {
        var folder = new Argument<string>("folder") { Description = "Gets page-run.png and page-runs.png. Default: docs.", DefaultValueFactory = _ => "docs" };
        var command = new Command("pictures", "Takes README's pictures of the page, of runs that train meanwhile. Needs chromium.") { folder };
        command.SetAction((parsed, _) => TakeAsync(parsed.GetValue(folder)!));
        return command;
    }

    private static async Task TakeAsync(string folder)
    {
        await using var chromium = await Chromium.StartAsync();
        await using var cluster = await LocalCluster.StartAsync(workers: 4);
        using var client = new TrainingClient(cluster.Server);
        var runs = Directory.CreateTempSubdirectory("granary-bench-");
        try
        {
            await SubmitAsync("points", "two-layer", workers: 4, steps: 400, status => status.State.HasEnded());
            await SubmitAsync("buzz", "fizzbuzz", workers: 3, steps: 600, status => status.State.HasEnded());
            await SubmitAsync("digits", "cnn", workers: 1, steps: 200, status => status.Step >= 40);
            await client.PauseAsync("digits", "Lunch.");
            await SubmitAsync("faces", "gan", workers: 1, steps: 400, status => status.Step >= 20);
            await client.CancelAsync("faces", "The discriminator won.");
            await SubmitAsync("words", "word2vec", workers: 1, steps: null, status => status.State.HasEnded());
            await SubmitAsync("novel", "lm", workers: 2, steps: null, status => status.Step > 0);
            await SubmitAsync("poem", "gpt", workers: 4, steps: null, _ => true);
            await WaitAsync("novel", status => status.Step >= EnoughSteps);
            await TakeOneAsync("/runs/novel", ".plot canvas[aria-label*='at step']", ColorScheme.Light, height: 700, "page-run.png");
            await TakeOneAsync("/", "tbody tr:nth-child(7)", ColorScheme.Dark, height: 590, "page-runs.png");
            foreach (var run in new[] { "poem", "digits", "novel" })
            {
                await client.CancelAsync(run, "", now: true);
            }
            await WaitAsync("novel", status => status.State.HasEnded());
        }
        finally
        {
            runs.Delete(recursive: true);
        }

        async Task SubmitAsync(string id, string task, int workers, long? steps, Func<RunStatus, bool> until)
        {
            await client.SubmitAsync(new() { RunId = id, Task = task, Workers = workers, Steps = steps, Output = Path.Combine(runs.FullName, id) });
            await WaitAsync(id, until);
        }

        async Task WaitAsync(string id, Func<RunStatus, bool> until)
        {
            await foreach (var entry in client.WatchAsync(id))
            {
                if (until(entry.Status))
                {
                    return;
                }
            }
        }

        async Task TakeOneAsync(string view, string awaited, ColorScheme scheme, int height, string file)
        {
            var page = await chromium.Browser.NewPageAsync(new() { BaseURL = cluster.Page.ToString(), ColorScheme = scheme, ViewportSize = new() { Width = Width, Height = height }, DeviceScaleFactor = Scale });
            await page.GotoAsync(view);
            await page.Locator(awaited).First.WaitForAsync();
            await page.ScreenshotAsync(new() { Path = Path.Combine(folder, file), Animations = ScreenshotAnimations.Disabled });
            await page.CloseAsync();
        }
    }
}

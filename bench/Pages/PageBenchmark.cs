using System.Diagnostics;
using Granary.Silo;

namespace Granary.Bench.Pages;

/// <summary>How long the page's server takes over a folder of long runs, as <c>granary ui</c> serves it.</summary>
internal sealed class PageBenchmark : IBenchmark
{
    public string Name => "page";

    public string Summary => "The page over 200 run directories of 100,000 steps each: the list of runs, a run and its curves.";

    public async Task RunAsync(BenchmarkRun run)
    {
        var (runs, steps) = run.IsTrial ? (3, 1000) : (200, 100_000);
        var folder = Directory.CreateTempSubdirectory("granary-bench-");
        try
        {
            MadeRuns.Write(folder.FullName, runs, steps);
            await using var page = await FolderPage.StartAsync(folder.FullName, port: 0);
            using var http = new HttpClient { BaseAddress = page.Address };
            // What the first request of a process costs besides.
            await http.GetStringAsync("/api/me");
            await MeasureAsync("list of runs, first", "/api/runs");
            await MeasureAsync("list of runs, again", "/api/runs");
            await MeasureAsync("a run, first", "/api/runs/run-0002");
            await MeasureAsync("curves of a run, first", "/api/runs/run-0001/curves");
            await MeasureAsync("curves of a run, again", "/api/runs/run-0001/curves?metrics=loss");

            async Task MeasureAsync(string name, string path)
            {
                var begun = Stopwatch.GetTimestamp();
                var answer = await http.GetByteArrayAsync(path);
                run.Report.Add(new($"{name} ({answer.Length / 1024} KiB)", Stopwatch.GetElapsedTime(begun).TotalMilliseconds, "ms", Samples: 1));
            }
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }
}

using Granary.Bench.Pages;
using Granary.Cluster.Tests.Security;
using Granary.Contracts;
using Granary.LocalClusters;
using Microsoft.Playwright;

namespace Granary.Cluster.Tests.Page;

/// <summary>Two silos that want tokens, a run that has ended there twice, and a browser.</summary>
public sealed class BrowserCluster : IAsyncLifetime
{
    /// <summary>Two runs of one spec, by one worker and by two.</summary>
    public const string Alone = "alone", Together = "together";

    /// <summary>For what is waited for.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromMinutes(1);

    private readonly Secrets secrets = new();
    private Chromium chromium = null!;
    private int runs;

    public ProcessCluster Silos { get; private set; } = null!;

    public TrainingClient Client { get; private set; } = null!;

    public IBrowser Browser => chromium.Browser;

    public string Viewer => secrets.Viewer;

    public string Operator => secrets.Operator;

    public async Task InitializeAsync()
    {
        // Asked for also when all tests are skipped.
        if (Chromium.Program is null)
        {
            return;
        }
        var starting = Chromium.StartAsync();
        Silos = await ProcessCluster.StartAsync(new() { Processes = 2, Workers = 4, Environment = new Dictionary<string, string> { ["Granary__Security__TokensFile"] = secrets.TokensFile } });
        Client = new(new ServerAccess(Silos.Server, Operator));
        chromium = await starting;
        Assertions.SetDefaultExpectTimeout((float)Patience.TotalMilliseconds);
        await EndAsync(await SubmitAsync(workers: 1, steps: 300, Alone));
        await EndAsync(await SubmitAsync(workers: 2, steps: 300, Together));
    }

    public async Task DisposeAsync()
    {
        if (chromium is not null)
        {
            await chromium.DisposeAsync();
        }
        Client?.Dispose();
        if (Silos is not null)
        {
            await Silos.DisposeAsync();
        }
        secrets.Dispose();
    }

    /// <returns>The run's id.</returns>
    public async Task<string> SubmitAsync(int workers = 2, long steps = 100_000_000, string? id = null)
    {
        id ??= $"run-{++runs}";
        await Client.SubmitAsync(new() { RunId = id, Task = "two-layer", Workers = workers, Steps = steps, Output = secrets.In(id) });
        return id;
    }

    /// <summary>Lets it end, or ends it.</summary>
    public async Task EndAsync(string run, bool isCancelled = false)
    {
        if (isCancelled)
        {
            await Client.CancelAsync(run, "", now: true);
        }
        using var timeout = new CancellationTokenSource(Patience);
        await foreach (var _ in Client.WatchAsync(run, timeout.Token))
        {
        }
    }
}

/// <summary>Without a browser nothing can be seen; what the server says to one is tested all the same.</summary>
internal sealed class BrowserFactAttribute : FactAttribute
{
    public BrowserFactAttribute()
    {
        if (Chromium.Program is null)
        {
            Skip = "chromium is not installed: the page was not driven in a browser.";
        }
    }
}

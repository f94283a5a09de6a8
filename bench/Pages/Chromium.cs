using Microsoft.Playwright;

namespace Granary.Bench.Pages;

/// <summary>The system's Chromium, driven by Playwright. No browser is ever downloaded.</summary>
public sealed class Chromium : IAsyncDisposable
{
    private readonly IPlaywright driver;

    private Chromium(IPlaywright driver, IBrowser browser) => (this.driver, Browser) = (driver, browser);

    /// <summary><see langword="null"/>: it is not installed.</summary>
    public static string? Program { get; } = (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator)
        .Select(folder => Path.Combine(folder, "chromium")).FirstOrDefault(File.Exists);

    public IBrowser Browser { get; }

    /// <exception cref="BenchmarkException">There is none.</exception>
    public static async Task<Chromium> StartAsync()
    {
        var program = Program ?? throw new BenchmarkException("chromium is not installed: apt-get install chromium brings it.");
        var driver = await Playwright.CreateAsync();
        try
        {
            return new(driver, await driver.Chromium.LaunchAsync(new() { ExecutablePath = program }));
        }
        catch
        {
            driver.Dispose();
            throw;
        }
    }

    public async ValueTask DisposeAsync()
    {
        await Browser.DisposeAsync();
        driver.Dispose();
    }
}

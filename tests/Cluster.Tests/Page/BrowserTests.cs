using System.Collections.Concurrent;
using System.Globalization;
using System.Text.RegularExpressions;
using Microsoft.Playwright;
using static Microsoft.Playwright.Assertions;

namespace Granary.Cluster.Tests.Page;

/// <summary>The page, as one sees and uses it. No test may leave an error in the browser's console.</summary>
public sealed partial class BrowserTests(BrowserCluster cluster) : IClassFixture<BrowserCluster>, IAsyncLifetime
{
    private readonly ConcurrentQueue<string> errors = [];
    private IPage page = null!;
    private string? run;

    private ILocator State => page.Locator(".title .state");

    private ILocator Curve => page.Locator(".plot canvas[role=img]").First;

    public Task InitializeAsync() => Task.CompletedTask;

    public async Task DisposeAsync()
    {
        if (page is not null)
        {
            await page.CloseAsync();
        }
        if (run is not null)
        {
            await cluster.EndAsync(run, isCancelled: true);
        }
        Assert.Empty(errors);
    }

    [BrowserFact]
    public async Task SignIn_WithAWrongToken_SaysWhy_AndWithARightOneLeadsWhereOneWanted()
    {
        await OpenAsync($"/runs/{BrowserCluster.Alone}?tab=log");
        await page.GetByLabel("Access token").FillAsync("granary_guess");
        await Button("Sign in").ClickAsync();
        await Expect(page.GetByRole(AriaRole.Alert)).ToHaveTextAsync(new Regex("^This token opens nothing here\\."));

        await page.GetByLabel("Access token").FillAsync(cluster.Viewer);
        await page.Keyboard.PressAsync("Enter");
        await Expect(page.Locator("#header")).ToContainTextAsync("vic, viewer");
        await Expect(page).ToHaveURLAsync(new Regex($"/runs/{BrowserCluster.Alone}\\?tab=log$"));
        await Expect(page.GetByRole(AriaRole.Log)).ToContainTextAsync("All steps are made.");
        await Button("Sign out").ClickAsync();
        await Expect(page.GetByLabel("Access token")).ToBeVisibleAsync();
    }

    [BrowserFact]
    public async Task Curve_WhileItsRunTrains_Moves()
    {
        await OpenAsync($"/runs/{run = await cluster.SubmitAsync()}", cluster.Viewer);
        await MovesAsync(await StepAsync());
    }

    [BrowserFact]
    public async Task Runs_ChosenInTheTable_AreCompared()
    {
        await OpenAsync("/", cluster.Viewer);
        await page.GetByLabel($"Choose {BrowserCluster.Alone}").CheckAsync();
        await page.GetByLabel($"Choose {BrowserCluster.Together}").CheckAsync();
        await page.GetByRole(AriaRole.Link, new() { Name = "Compare" }).ClickAsync();
        await Expect(page.Locator(".verdict")).ToHaveTextAsync("same spec, same weights");
        await Expect(page.GetByRole(AriaRole.Row, new() { Name = "workers" })).ToContainTextAsync("12");
        await Expect(Curve).ToHaveAttributeAsync("aria-label", new Regex($"{BrowserCluster.Alone}: last .* at step 300.*{BrowserCluster.Together}: last .* at step 300"));
    }

    [BrowserFact]
    public async Task Buttons_PauseResumeAndCancel()
    {
        await OpenAsync($"/runs/{run = await cluster.SubmitAsync()}", cluster.Operator);
        await Button("Pause").ClickAsync();
        await Expect(State).ToHaveTextAsync("paused");
        await Button("Resume").ClickAsync();
        await Expect(State).ToHaveTextAsync("running");
        await Button("Cancel …").ClickAsync();
        await Button("Cancel the run").ClickAsync();
        await Expect(State).ToHaveTextAsync("cancelled");
        await Expect(Button("Pause")).ToBeHiddenAsync();
    }

    [BrowserFact]
    public async Task Viewer_SeesNoButtonThatChangesAnything()
    {
        await OpenAsync($"/runs/{run = await cluster.SubmitAsync()}", cluster.Viewer);
        await Expect(State).ToHaveTextAsync("running");
        await Expect(page.Locator(".actions")).ToBeHiddenAsync();
        await page.GotoAsync("/cluster");
        await Expect(page.GetByRole(AriaRole.Article)).ToHaveCountAsync(2);
        await Expect(Button("Drain")).ToHaveCountAsync(0);
    }

    [BrowserFact]
    public async Task Silo_KilledUnderAnOpenPage_IsMissed_AndThePageGoesOnByItselfWhenItIsBack()
    {
        await OpenAsync($"/runs/{run = await cluster.SubmitAsync()}", cluster.Viewer);
        var before = await StepAsync();
        var silo = cluster.Silos.Silos[0];
        silo.Kill();
        var away = page.GetByText("The silo is away; trying again.");
        await Expect(away).ToBeVisibleAsync();
        await cluster.Silos.RestartAsync(silo);
        await Expect(away).ToBeHiddenAsync();
        await Expect(State).ToHaveTextAsync("running");
        await MovesAsync(before);
    }

    [BrowserFact]
    public async Task Views_400PixelsWide_NeedNoScrollingToTheSide()
    {
        await OpenAsync("/sign-in", token: null, new() { ViewportSize = new() { Width = 400, Height = 800 } });
        await FitsAsync("#token");
        await SignInAsync(cluster.Operator);
        run = await cluster.SubmitAsync();
        foreach (var (view, awaited) in new[] { ("/", "tbody tr:nth-child(3)"), ($"/compare?runs={BrowserCluster.Alone},{BrowserCluster.Together}", ".plot canvas"), ("/cluster", "article:nth-child(2)") })
        {
            await page.GotoAsync(view);
            await FitsAsync(awaited);
        }
        await page.GotoAsync($"/runs/{run}");
        await page.GetByRole(AriaRole.Tab).First.WaitForAsync();
        foreach (var tab in await page.GetByRole(AriaRole.Tab).AllAsync())
        {
            await tab.ClickAsync();
            await FitsAsync("#tab-panel > *");
        }
    }

    [BrowserFact]
    public async Task System_ThatIsDark_MakesThePageDark_UntilOneTurnsItAndItStaysSo()
    {
        await OpenAsync("/", cluster.Viewer, new() { ColorScheme = ColorScheme.Dark });
        await Expect(Button("Light theme")).ToBeVisibleAsync();
        Assert.InRange(await BrightnessAsync(), 0, 0.3);
        await Button("Light theme").ClickAsync();
        await page.ReloadAsync();
        await Expect(Button("Dark theme")).ToBeVisibleAsync();
        Assert.InRange(await BrightnessAsync(), 0.9, 1);
    }

    private async Task OpenAsync(string view, string? token = null, BrowserNewPageOptions? options = null)
    {
        page = await cluster.Browser.NewPageAsync(new(options ?? new()) { BaseURL = cluster.Silos.Page.ToString() });
        page.PageError += (_, error) => errors.Enqueue(error);
        page.Console += (_, message) =>
        {
            // The browser itself tells of every answer of a silo that is away or wants a token.
            if (message.Type == "error" && !NetworkLine().IsMatch(message.Text))
            {
                errors.Enqueue(message.Text);
            }
        };
        if (token is not null)
        {
            await SignInAsync(token);
        }
        await page.GotoAsync(view);
    }

    /// <summary>As one who has signed in some time ago.</summary>
    private Task SignInAsync(string token) =>
        page.APIRequest.PostAsync("/api/sign-in", new() { Headers = new Dictionary<string, string> { ["X-Granary"] = "page" }, DataObject = new { token } });

    private ILocator Button(string name) => page.GetByRole(AriaRole.Button, new() { Name = name, Exact = true });

    /// <summary>The last step that the first curve says it shows.</summary>
    private async Task<long> StepAsync()
    {
        await Expect(Curve).ToHaveAttributeAsync("aria-label", LastStep());
        return long.Parse(LastStep().Match((await Curve.GetAttributeAsync("aria-label"))!).Groups[1].Value, NumberStyles.AllowThousands, CultureInfo.InvariantCulture);
    }

    /// <summary>Waits until the curve shows a later step, and another picture.</summary>
    private async Task MovesAsync(long step)
    {
        var picture = await Curve.EvaluateAsync<string>("canvas => canvas.toDataURL()");
        using var patience = new CancellationTokenSource(BrowserCluster.Patience);
        while (await StepAsync() <= step || await Curve.EvaluateAsync<string>("canvas => canvas.toDataURL()") == picture)
        {
            Assert.False(patience.IsCancellationRequested, $"The curve stands still at step {step}.");
        }
    }

    private async Task FitsAsync(string awaited)
    {
        await page.Locator(awaited).First.WaitForAsync();
        var width = await page.EvaluateAsync<int>("document.documentElement.scrollWidth");
        Assert.True(width <= page.ViewportSize!.Width, $"{page.Url} is {width} pixels wide.");
    }

    private Task<double> BrightnessAsync() => page.EvaluateAsync<double>("Math.max(...getComputedStyle(document.body).backgroundColor.match(/\\d+/g).slice(0, 3).map(Number)) / 255");

    [GeneratedRegex(@"last \S+ at step ([\d,]+)")]
    private static partial Regex LastStep();

    [GeneratedRegex(@"^Failed to load resource: (net::ERR_|the server responded with a status of 401 )")]
    private static partial Regex NetworkLine();
}

using System.Net;
using Granary.Cluster.Tests.Security;
using Granary.Silo.Security;
using Grpc.Core;

namespace Granary.Cluster.Tests.Page;

/// <summary>Who may look at the page and change what it shows.</summary>
public sealed class SignInTests : IAsyncLifetime
{
    private readonly Secrets secrets = new();
    private SecuredGateway gateway = null!;
    private PageClient page = null!;

    public async Task InitializeAsync()
    {
        gateway = await SecuredGateway.StartAsync(secrets.Tokens);
        page = new(gateway.Http);
    }

    public async Task DisposeAsync()
    {
        page.Dispose();
        await gateway.DisposeAsync();
        secrets.Dispose();
    }

    [Fact]
    public async Task Token_OpensTheApi_ByACookieThatScriptsCannotRead()
    {
        Assert.Equal(HttpStatusCode.Unauthorized, (await page.Http.GetAsync("/api/me")).StatusCode);
        var signedIn = await page.SignInAsync(secrets.Viewer);
        Assert.Equal(HttpStatusCode.NoContent, signedIn.StatusCode);
        var cookie = Assert.Single(signedIn.Headers.GetValues("Set-Cookie"));
        Assert.Matches("; path=/; samesite=strict; httponly$", cookie);
        Assert.DoesNotContain(secrets.Viewer, cookie, StringComparison.Ordinal);

        var me = await page.GetAsync("/api/me");
        Assert.Equal(("vic", "viewer", true, true), ((string?)me["name"], (string?)me["role"], (bool)me["secured"]!, (bool)me["cluster"]!));
        await page.PostAsync("/api/sign-out");
        Assert.Equal(HttpStatusCode.Unauthorized, (await page.Http.GetAsync("/api/me")).StatusCode);
    }

    [Fact]
    public async Task Cookie_UnderTls_NeverTravelsInClear_AndThePageSpeaksHttp2()
    {
        var options = secrets.Certificates();
        options.TokensFile = secrets.TokensFile;
        await using var encrypted = await SecuredGateway.StartAsync(options);
        using var browser = new PageClient(encrypted.Http);
        Assert.Contains("; secure;", Assert.Single((await browser.SignInAsync(secrets.Viewer)).Headers.GetValues("Set-Cookie")), StringComparison.Ordinal);
        var answer = await browser.Http.SendAsync(new(HttpMethod.Get, "/api/me") { Version = HttpVersion.Version20, VersionPolicy = HttpVersionPolicy.RequestVersionExact });
        Assert.Equal((HttpStatusCode.OK, HttpVersion.Version20), (answer.StatusCode, answer.Version));
    }

    [Fact]
    public async Task Guessing_IsSlowedDown_TogetherWithThatAtTheGateway()
    {
        for (var i = 0; i <= FailedTries.Free; i++)
        {
            Assert.Equal(HttpStatusCode.Unauthorized, (await page.SignInAsync("granary_guess")).StatusCode);
        }
        var slowed = await page.SignInAsync(secrets.Viewer);
        Assert.Equal((HttpStatusCode.TooManyRequests, TimeSpan.FromSeconds(1)), (slowed.StatusCode, slowed.Headers.RetryAfter!.Delta!.Value));
        Assert.Equal(StatusCode.ResourceExhausted, (await Assert.ThrowsAsync<RpcException>(async () => await gateway.Runs(secrets.Viewer).TasksAsync(new()))).StatusCode);
        gateway.Time.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal(HttpStatusCode.NoContent, (await page.SignInAsync(secrets.Viewer)).StatusCode);
    }

    [Fact]
    public async Task Session_EndsWithItsToken_AndWithItItsStream()
    {
        await page.SignInAsync(secrets.Viewer);
        using var stream = await EventStream.OpenAsync(page.Http);
        Assert.Equal("ping", (await stream.NextAsync())!.Value.Kind);
        AccessTokenFile.Remove(secrets.TokensFile, "vic");
        gateway.Time.Advance(TimeSpan.FromSeconds(2));

        Assert.True(await Record.ExceptionAsync(() => stream.NextAsync("snapshot")) is IOException);
        Assert.Equal(HttpStatusCode.Unauthorized, (await page.Http.GetAsync("/api/me")).StatusCode);
    }

    [Fact]
    public async Task Session_EndsAfterItsTime_AndOfAnotherTokenOfTheSameNameIsNone()
    {
        await page.SignInAsync(secrets.Viewer);
        var cookie = page.Cookies.GetCookies(gateway.Http)[SessionCookie.Name]!;
        cookie.Expires = DateTime.MaxValue;
        gateway.Time.Advance(SessionCookie.Time);
        Assert.Equal(HttpStatusCode.Unauthorized, (await page.Http.GetAsync("/api/me")).StatusCode);

        await page.SignInAsync(secrets.Viewer);
        AccessTokenFile.Remove(secrets.TokensFile, "vic");
        secrets.Add("vic", Roles.Viewer);
        gateway.Time.Advance(TimeSpan.FromSeconds(2));
        Assert.Equal(HttpStatusCode.Unauthorized, (await page.Http.GetAsync("/api/me")).StatusCode);
    }

    [Fact]
    public void Session_ThatIsAltered_IsNone()
    {
        var (token, _) = AccessToken.Create("vic", Roles.Viewer, DateTimeOffset.UnixEpoch);
        var now = DateTimeOffset.UnixEpoch;
        var good = SessionCookie.Of(token, now + SessionCookie.Time);
        Assert.True(SessionCookie.IsOf(good, token, now));
        foreach (var place in Enumerable.Range(0, good.Length))
        {
            Assert.False(SessionCookie.IsOf($"{good[..place]}{(good[place] == 'A' ? 'B' : 'A')}{good[(place + 1)..]}", token, now));
        }
        foreach (var text in new[] { "", "|", "||", good + "|", "vic||", good[..^1], good + "A", new('|', 10_000) })
        {
            Assert.False(SessionCookie.IsOf(text, token, now));
        }
    }

    [Fact]
    public async Task Session_OpensThePageAlone()
    {
        await page.SignInAsync(secrets.Operator);
        Assert.Equal(HttpStatusCode.OK, (await page.Http.GetAsync("/api/me")).StatusCode);
        Assert.Equal(HttpStatusCode.Unauthorized, (await page.Http.GetAsync("/metrics")).StatusCode);
    }

    [Theory]
    [InlineData("runs/first/pause")]
    [InlineData("runs/first/resume")]
    [InlineData("runs/first/cancel")]
    [InlineData("runs/first/scale")]
    [InlineData("nodes/silo-0/drain")]
    public async Task Viewer_ChangesNothing(string change)
    {
        await page.SignInAsync(secrets.Viewer);
        var refused = await page.PostAsync($"/api/{change}");
        Assert.Equal(HttpStatusCode.Forbidden, refused.StatusCode);
        Assert.Equal("""{"error":"The token 'vic' is a viewer's: this takes an operator's."}""", (await refused.Content.ReadAsStringAsync()).Replace("\\u0027", "'", StringComparison.Ordinal));
        Assert.StartsWith("vic at ", Assert.Single(gateway.Log.Of(AuditTrail.Category)), StringComparison.Ordinal);
    }

    public static TheoryData<string, Action<HttpRequestMessage>> Forgeries => new()
    {
        { "a form", request => request.Headers.Remove("X-Granary") },
        { "a wrong header", request => (request.Headers.Remove("X-Granary"), request.Headers.TryAddWithoutValidation("X-Granary", "form")).ToString() },
        { "another page", request => request.Headers.Add("Origin", "http://evil.example") },
        { "a page of another port", request => request.Headers.Add("Origin", "http://127.0.0.1:1") },
        { "a page without a name", request => request.Headers.Add("Origin", "null") },
        { "another site", request => request.Headers.Add("Sec-Fetch-Site", "cross-site") },
        { "a neighbour", request => request.Headers.Add("Sec-Fetch-Site", "same-site") },
    };

    [Theory]
    [MemberData(nameof(Forgeries))]
    public async Task Change_ThatAnotherPageHasMade_IsRefused(string from, Action<HttpRequestMessage> forge)
    {
        await page.SignInAsync(secrets.Operator);
        Assert.True((await page.PostAsync("/api/runs/first/cancel", change: forge)).StatusCode == HttpStatusCode.Forbidden, from);
        Assert.True((await page.PostAsync("/api/sign-in", new { token = secrets.Viewer }, forge)).StatusCode == HttpStatusCode.Forbidden, from);
    }

    [Fact]
    public async Task Change_ThatIsMeant_ComesAsFarAsTheRun_AndIsALineOfTheAudit()
    {
        await page.SignInAsync(secrets.Operator);
        var own = gateway.Http.GetLeftPart(UriPartial.Authority);
        var answer = await page.PostAsync("/api/runs/a%20b/scale", new { workers = 3 }, request =>
        {
            request.Headers.Add("Origin", own);
            request.Headers.Add("Sec-Fetch-Site", "same-origin");
        });
        Assert.Equal(HttpStatusCode.BadRequest, answer.StatusCode);
        Assert.Matches(@"^olga at 127\.0\.0\.1:\d+ asked for scale of a b: HTTP 400, scale$", Assert.Single(gateway.Log.Of(AuditTrail.Category)));
        Assert.DoesNotContain(gateway.Log.Lines, line => line.Line.Contains("granary_", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Bearer_OpensTheApi_Too()
    {
        page.Http.DefaultRequestHeaders.Authorization = new("Bearer", secrets.Operator);
        Assert.Equal("olga", (string?)(await page.GetAsync("/api/me"))["name"]);
    }

    [Theory]
    [InlineData("")]
    [InlineData("nonsense")]
    [InlineData("{}")]
    [InlineData("""{"token":7}""")]
    public async Task SignIn_WithNonsense_IsRefused(string content)
    {
        var answer = await page.PostAsync("/api/sign-in", change: request => request.Content = new StringContent(content, null, "application/json"));
        Assert.InRange((int)answer.StatusCode, 400, 401);
    }

    [Fact]
    public async Task Gateway_WithoutTokens_AnswersToItsOwnNamesAlone()
    {
        await using var open = await SecuredGateway.StartAsync(new());
        using var browser = new PageClient(open.Http);
        var me = await browser.GetAsync("/api/me");
        Assert.Equal((null, "operator", false), ((string?)me["name"], (string?)me["role"], (bool)me["secured"]!));
        var rebound = await browser.Http.SendAsync(new(HttpMethod.Get, "/api/me") { Headers = { Host = $"evil.example:{open.Http.Port}" } });
        Assert.Equal(HttpStatusCode.Forbidden, rebound.StatusCode);
        Assert.Equal(HttpStatusCode.OK, (await browser.Http.SendAsync(new(HttpMethod.Get, "/api/me") { Headers = { Host = $"localhost:{open.Http.Port}" } })).StatusCode);
    }
}

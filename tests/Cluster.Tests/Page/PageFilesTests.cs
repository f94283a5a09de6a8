using System.Net;
using Granary.Cluster.Tests.Security;

namespace Granary.Cluster.Tests.Page;

/// <summary>The files of the page: the same for everybody, and nothing from elsewhere.</summary>
public sealed class PageFilesTests : IAsyncLifetime
{
    private readonly Secrets secrets = new();
    private SecuredGateway gateway = null!;
    private HttpClient http = null!;

    public async Task InitializeAsync()
    {
        gateway = await SecuredGateway.StartAsync(secrets.Tokens);
        http = new() { BaseAddress = gateway.Http };
    }

    public async Task DisposeAsync()
    {
        http.Dispose();
        await gateway.DisposeAsync();
        secrets.Dispose();
    }

    [Theory]
    [InlineData("/")]
    [InlineData("/index.html")]
    [InlineData("/runs/first?tab=log")]
    [InlineData("/compare?runs=a,b")]
    [InlineData("/cluster")]
    [InlineData("/sign-in")]
    public async Task View_IsTheSameFile_WithAStrictPolicy(string path)
    {
        var answer = await http.GetAsync(path);
        Assert.Equal((HttpStatusCode.OK, "text/html"), (answer.StatusCode, answer.Content.Headers.ContentType!.MediaType));
        Assert.Equal("default-src 'self'; img-src 'self' data:; frame-ancestors 'none'; base-uri 'none'; form-action 'self'", Assert.Single(answer.Headers.GetValues("Content-Security-Policy")));
        Assert.Equal("nosniff", Assert.Single(answer.Headers.GetValues("X-Content-Type-Options")));
        Assert.Equal("no-referrer", Assert.Single(answer.Headers.GetValues("Referrer-Policy")));

        var again = await http.SendAsync(new(HttpMethod.Get, path) { Headers = { IfNoneMatch = { answer.Headers.ETag! } } });
        Assert.Equal(HttpStatusCode.NotModified, again.StatusCode);
    }

    [Theory]
    [InlineData("/nowhere.js")]
    [InlineData("/../Silo.csproj")]
    [InlineData("/api/runs")]
    public async Task Rest_IsForThoseWithAToken(string path) => Assert.Equal(HttpStatusCode.Unauthorized, (await http.GetAsync(path)).StatusCode);
}

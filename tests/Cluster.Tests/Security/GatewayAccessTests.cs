using System.Net;
using Granary.Silo.Security;
using Grpc.Core;
using Microsoft.AspNetCore.Authorization;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;

namespace Granary.Cluster.Tests.Security;

/// <summary>Who is let in by the gateway, and what is told of it.</summary>
public sealed class GatewayAccessTests : IAsyncLifetime
{
    private readonly Secrets secrets = new();
    private SecuredGateway gateway = null!;

    public async Task InitializeAsync() => gateway = await SecuredGateway.StartAsync(secrets.Tokens);

    public async Task DisposeAsync()
    {
        await gateway.DisposeAsync();
        secrets.Dispose();
    }

    [Fact]
    public void EveryCallAndPage_SaysWhoMayAsk()
    {
        var endpoints = gateway.Services.GetRequiredService<EndpointDataSource>().Endpoints.OfType<RouteEndpoint>()
            .Where(endpoint => endpoint.RoutePattern.RawText?.Contains("{unimplemented", StringComparison.Ordinal) != true)
            .ToDictionary(endpoint => endpoint.RoutePattern.RawText!, endpoint => endpoint.Metadata.GetMetadata<IAllowAnonymous>() is not null
                ? "anybody"
                : string.Join(",", endpoint.Metadata.GetOrderedMetadata<IAuthorizeData>().Select(wanted => wanted.Policy)));
        var services = endpoints.Keys.Where(path => path.StartsWith("/granary.", StringComparison.Ordinal)).ToList();

        Assert.Equal(V1.GranaryReflection.Descriptor.Services.SelectMany(service => service.Methods.Select(method => $"/{service.FullName}/{method.Name}")).Order(), services.Order());
        Assert.Equal(["Get", "List", "Log", "Nodes", "Tasks", "Watch", "cluster", "curves", "events", "me", "metrics", "model.safetensors", "neighbours", "runs", "stream", "words", "{id}", "{name}"], Of(Roles.Viewer));
        Assert.Equal(["Cancel", "Drain", "Pause", "Resume", "Scale", "Submit", "cancel", "drain", "pause", "resume", "scale"], Of(Roles.Operator));
        // Of the page its files, which tell of no run, and the door.
        Assert.Subset(new HashSet<string> { "Check", "Watch", "healthz", "sign-in", "sign-out", "", "cluster", "compare", "{id}" }, Of("anybody").Where(name => Path.GetExtension(name) is not (".html" or ".css" or ".js" or ".svg")).ToHashSet());
        Assert.Equal(endpoints.Count, Of(Roles.Viewer).Count() + Of(Roles.Operator).Count() + Of("anybody").Count());

        IEnumerable<string> Of(string who) => endpoints.Where(endpoint => endpoint.Value == who).Select(endpoint => Path.GetFileName(endpoint.Key)).Order(StringComparer.Ordinal);
    }

    [Fact]
    public async Task Caller_WithoutAToken_IsToldHowToGetOne()
    {
        foreach (var token in new[] { null, "", "granary_", "granary_nonsense", new string('x', 10_000), secrets.Viewer.ToUpperInvariant() })
        {
            var refused = await RefusedAsync(gateway.Runs(token));
            Assert.Equal(StatusCode.Unauthenticated, refused.StatusCode);
            Assert.Contains("granary login", refused.Detail, StringComparison.Ordinal);
            gateway.Time.Advance(TimeSpan.FromMinutes(11));
        }
    }

    [Fact]
    public async Task Viewer_Looks_AndChangesNothing()
    {
        var runs = gateway.Runs(secrets.Viewer);
        Assert.NotEmpty((await runs.TasksAsync(new())).Tasks);
        foreach (var change in new Func<Task>[]
        {
            async () => await runs.SubmitAsync(new()),
            async () => await runs.CancelAsync(new() { RunId = "first" }),
            async () => await runs.PauseAsync(new() { RunId = "first" }),
            async () => await runs.ResumeAsync(new() { RunId = "first" }),
            async () => await runs.ScaleAsync(new() { RunId = "first" }),
            async () => await runs.DrainAsync(new() { Node = "silo-0" }),
        })
        {
            var refused = (await Assert.ThrowsAsync<RpcException>(change)).Status;
            Assert.Equal((StatusCode.PermissionDenied, "The token 'vic' is a viewer's: this takes an operator's."), (refused.StatusCode, refused.Detail));
        }
    }

    [Fact]
    public async Task Operator_ComesAsFarAsTheRun() =>
        Assert.Equal(StatusCode.InvalidArgument, (await Assert.ThrowsAsync<RpcException>(async () => await gateway.Runs(secrets.Operator).CancelAsync(new() { RunId = "a b" }))).StatusCode);

    [Fact]
    public async Task Token_ThatIsRevoked_OpensNothing_AndANewOneDoes()
    {
        var runs = gateway.Runs(secrets.Viewer);
        await runs.TasksAsync(new());
        AccessTokenFile.Remove(secrets.TokensFile, "vic");
        var newcomer = secrets.Add("nina", Roles.Viewer);
        gateway.Time.Advance(TimeSpan.FromSeconds(2));

        Assert.Equal(StatusCode.Unauthenticated, (await RefusedAsync(runs)).StatusCode);
        await gateway.Runs(newcomer).TasksAsync(new());
        await gateway.Runs(secrets.Operator).TasksAsync(new());
    }

    [Fact]
    public async Task TokensFile_ThatIsBrokenOrGone_ChangesNothing_AndIsToldOnce()
    {
        var runs = gateway.Runs(secrets.Viewer);
        File.AppendAllText(secrets.TokensFile, "half a line");
        gateway.Time.Advance(TimeSpan.FromSeconds(4));
        await runs.TasksAsync(new());
        Assert.Single(gateway.Log.Of(typeof(AccessTokens).FullName!), line => line.Contains("Line 3 of", StringComparison.Ordinal));
        File.Delete(secrets.TokensFile);
        gateway.Time.Advance(TimeSpan.FromSeconds(4));
        await runs.TasksAsync(new());
    }

    [Fact]
    public async Task Guessing_IsSlowedDown_AlsoForAGoodTokenOfTheSameAddress()
    {
        var guess = gateway.Runs("granary_guess");
        for (var i = 0; i <= FailedTries.Free; i++)
        {
            Assert.Equal(StatusCode.Unauthenticated, (await RefusedAsync(guess)).StatusCode);
        }
        var slowed = await RefusedAsync(gateway.Runs(secrets.Viewer));
        Assert.Equal((StatusCode.ResourceExhausted, "Too many tokens that open nothing came from 127.0.0.1: the next is looked at in 1 s."), (slowed.StatusCode, slowed.Detail));
        gateway.Time.Advance(TimeSpan.FromSeconds(1));
        await gateway.Runs(secrets.Viewer).TasksAsync(new());
    }

    [Fact]
    public async Task Pages_AreForViewers_ButHealthIsForProbes()
    {
        using var http = new HttpClient { BaseAddress = gateway.Http };
        Assert.Equal("Healthy", await http.GetStringAsync("/healthz"));
        Assert.Equal(HttpStatusCode.Unauthorized, (await http.GetAsync("/metrics")).StatusCode);
        Assert.Equal(HttpStatusCode.Unauthorized, (await http.GetAsync("/nowhere")).StatusCode);
        await RefusedAsync(gateway.Runs("granary_wrong"));
        http.DefaultRequestHeaders.Authorization = new("Bearer", secrets.Viewer);
        var metrics = await http.GetStringAsync("/metrics");
        Assert.Matches("gateway_refused_total\\{.*reason=\"missing\"\\} 2", metrics);
        Assert.Matches("gateway_refused_total\\{.*reason=\"unknown\"\\} 1", metrics);
    }

    [Fact]
    public async Task EveryChangeThatIsAskedFor_IsALineOfTheAudit()
    {
        await RefusedAsync(gateway.Runs(secrets.Viewer), runs => runs.CancelAsync(new() { RunId = "first" }));
        await RefusedAsync(gateway.Runs(null), runs => runs.DrainAsync(new() { Node = "silo-0" }));
        await RefusedAsync(gateway.Runs(secrets.Operator), runs => runs.ScaleAsync(new() { RunId = "a\nb", Workers = 3 }));
        await gateway.Runs(secrets.Viewer).TasksAsync(new());

        var lines = gateway.Log.Of(AuditTrail.Category).ToList();
        Assert.Collection(lines,
            line => Assert.Matches(@"^vic at 127\.0\.0\.1:\d+ asked for Cancel of -: PermissionDenied, -$", line),
            line => Assert.Matches(@"^anonymous at 127\.0\.0\.1:\d+ asked for Drain of -: Unauthenticated, -$", line),
            line => Assert.Matches(@"^olga at 127\.0\.0\.1:\d+ asked for Scale of a\?b: InvalidArgument, \{ ""runId"": ""a\\nb"", ""workers"": 3 \}$", line));
        Assert.DoesNotContain(gateway.Log.Lines, line => line.Line.Contains("granary_", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Gateway_WithoutTokens_TakesEverybodyForAnOperator()
    {
        await using var open = await SecuredGateway.StartAsync(new());
        await RefusedAsync(open.Runs(null), runs => runs.CancelAsync(new() { RunId = "a b" }), StatusCode.InvalidArgument);
        Assert.StartsWith("anonymous at", Assert.Single(open.Log.Of(AuditTrail.Category)), StringComparison.Ordinal);
    }

    private static Task<Status> RefusedAsync(V1.Runs.RunsClient runs) => RefusedAsync(runs, one => one.TasksAsync(new()));

    private static async Task<Status> RefusedAsync<T>(V1.Runs.RunsClient runs, Func<V1.Runs.RunsClient, AsyncUnaryCall<T>> call, StatusCode? expected = null)
    {
        var status = (await Assert.ThrowsAsync<RpcException>(async () => await call(runs))).Status;
        Assert.Equal(expected ?? status.StatusCode, status.StatusCode);
        return status;
    }
}

using Granary.Client.Views;
using Granary.Contracts;
using Granary.Tests.Fakes;
using Grpc.Core;
using static Granary.Cluster.Tests.Client.ScriptedServer;

namespace Granary.Cluster.Tests.Client;

/// <summary>A client that watches, and a server that goes away.</summary>
public sealed class WatchingTests : IDisposable
{
    private readonly ScriptedServer server = new();
    private readonly HurriedTime time = new();
    private readonly TrainingClient client;

    public WatchingTests() => client = new(server, time) { Patience = TimeSpan.FromMinutes(2) };

    public void Dispose() => client.Dispose();

    [Theory]
    [InlineData(StatusCode.Unavailable)]
    [InlineData(StatusCode.Internal)]
    [InlineData(StatusCode.Unknown)]
    [InlineData(StatusCode.Cancelled)]
    [InlineData(StatusCode.DeadlineExceeded)]
    [InlineData(StatusCode.Aborted)]
    [InlineData(StatusCode.ResourceExhausted)]
    [InlineData(StatusCode.NotFound)]
    public async Task Connection_ThatBreaks_IsTakenUpWhereItBroke(StatusCode code)
    {
        server.Answers(Event(7), Broken(code)).Answers(Broken(code)).Answers(Event(8), Event(9, V1.State.Succeeded));
        var events = await WatchAsync();
        Assert.Equal([0, 7, 7], server.After);
        Assert.Equal(RunState.Succeeded, events[^1].Status.State);
        Assert.Contains(events, entry => entry.Message.StartsWith("The server does not answer", StringComparison.Ordinal) && entry.Message.Contains("gone", StringComparison.Ordinal) && entry.Status.Step == 7);
        Assert.Contains(events, entry => entry.Message == "The server answers again.");
    }

    [Fact]
    public async Task Stream_ThatEndsBeforeTheRun_IsAskedForAgainWithoutAWord()
    {
        server.Answers(Event(1)).Answers(Event(2, V1.State.Failed));
        Assert.Equal([1L, 2L], (await WatchAsync()).Select(entry => entry.Id));
    }

    [Fact]
    public async Task Server_ThatStaysAway_IsGivenUpAfterThePatienceAndNotTakenForAFailedRun()
    {
        server.Answers(Event(1), Broken(StatusCode.Internal, "HttpProtocolException: ... NO_ERROR (0x0)"));
        var begun = time.GetUtcNow();
        var events = new List<RunEvent>();
        server.Answers(Broken(StatusCode.Unavailable));
        var lost = await Assert.ThrowsAsync<LostSightException>(() => WatchAsync(events));
        Assert.Equal(TimeSpan.FromMinutes(2), time.GetUtcNow() - begun);
        Assert.Equal((ExitCode.LostSight, "run"), (ErrorLine.For(lost).ExitCode, lost.RunId));
        Assert.InRange(events.Count(entry => entry.Message.Contains("trying again for", StringComparison.Ordinal)), 5, 20);
    }

    [Fact]
    public async Task Run_ThatWaitsBehindAProxyThatEndsWhatIsSilent_IsWatchedOnWithoutAWord()
    {
        server.Headers = new() { { TrainingClient.WatchingHeader, "yes" } };
        server.Answers(Event(1));
        for (var hour = 0; hour < 500; hour++)
        {
            server.Answers(Broken(StatusCode.Unavailable));
        }
        server.Answers(Event(2, V1.State.Succeeded));
        Assert.Equal([1L, 2L], (await WatchAsync()).Select(entry => entry.Id));
        Assert.True(time.Waits.Count > 240, "Less than the client's patience has passed.");
    }

    [Theory]
    [InlineData(StatusCode.NotFound)]
    [InlineData(StatusCode.Unavailable)]
    public async Task Run_ThatWasNeverSeen_IsNotWaitedFor(StatusCode code)
    {
        server.Run = Broken(code);
        await Assert.ThrowsAsync<RpcException>(() => WatchAsync());
        Assert.Empty(time.Waits);
    }

    [Theory]
    [InlineData(StatusCode.PermissionDenied)]
    [InlineData(StatusCode.Unauthenticated)]
    [InlineData(StatusCode.Unimplemented)]
    public async Task Refusal_IsNoLostConnection(StatusCode code)
    {
        server.Answers(Event(1), Broken(code));
        await Assert.ThrowsAsync<RpcException>(() => WatchAsync());
        Assert.Empty(time.Waits);
    }

    private async Task<List<RunEvent>> WatchAsync(List<RunEvent>? events = null)
    {
        events ??= [];
        await foreach (var entry in client.WatchAsync("run"))
        {
            events.Add(entry);
        }
        return events;
    }
}

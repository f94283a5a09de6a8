using System.Globalization;
using System.Text.Json.Nodes;
using Granary.Silo.Page;
using Granary.Training.Runs;
using Microsoft.Extensions.Hosting.Internal;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;

namespace Granary.Cluster.Tests.Page;

/// <summary>What those who watch are told, in a time of the test's own.</summary>
public sealed class RunHubTests : IDisposable
{
    private readonly FakeTimeProvider time = new();
    private readonly GivenRuns source = new();
    private readonly ApplicationLifetime lifetime = new(NullLogger<ApplicationLifetime>.Instance);
    private readonly CancellationTokenSource patience = new(TimeSpan.FromSeconds(30));
    private readonly RunHub hub;

    public RunHubTests() => hub = new(source, time, lifetime, NullLogger<RunHub>.Instance);

    public void Dispose()
    {
        lifetime.StopApplication();
        patience.Dispose();
    }

    [Fact]
    public async Task Viewer_SeesAllFirst_ThenWhatChanges_ThenWhatGoes()
    {
        source.Rows = [GivenRuns.Row("a", 1), GivenRuns.Row("b", 1)];
        await using var reader = Read(hub.Join(null)!);
        var snapshot = await NextAsync(reader, "snapshot");
        Assert.Equal(["a", "b"], snapshot["runs"]!.AsArray().Select(run => (string?)run!["id"]));

        source.Rows = [GivenRuns.Row("b", 7)];
        Assert.Equal("a", (string?)(await NextAsync(reader, "gone"))["id"]);
        var changed = await NextAsync(reader, "run");
        Assert.Equal(("b", 7), ((string?)changed["id"], (int)changed["step"]!));
    }

    [Fact]
    public async Task Messages_HaveIdsThatGrow()
    {
        source.Rows = [GivenRuns.Row("a", 1)];
        await using var reader = Read(hub.Join(null)!);
        long last = 0;
        for (var step = 2; step < 10; step++)
        {
            await NextAsync(reader, step == 2 ? "snapshot" : "run");
            Assert.InRange(reader.Current.Id, last + 1, long.MaxValue);
            last = reader.Current.Id;
            source.Rows = [GivenRuns.Row("a", step)];
        }
    }

    [Fact]
    public async Task Newcomer_SeesAllAtOnce_WhereOthersWatchAlready()
    {
        source.Rows = [GivenRuns.Row("a", 1)];
        await using var first = Read(hub.Join(null)!);
        await NextAsync(first, "snapshot");
        await using var second = Read(hub.Join(null)!);
        Assert.True(await second.MoveNextAsync());
        Assert.Equal("snapshot", second.Current.Kind);
    }

    [Fact]
    public async Task RunThatIsFollowed_TellsItsPointsAndEvents_ToThoseWhoFollowItAlone()
    {
        source.Rows = [GivenRuns.Row("a", 1), GivenRuns.Row("b", 1)];
        await using var follower = Read(hub.Join("a")!);
        await using var other = Read(hub.Join("b")!);
        await NextAsync(follower, "snapshot");
        await NextAsync(other, "snapshot");
        source.News["a"] = new([new(5, DateTimeOffset.UnixEpoch, 3, "running", "round", "Round 2.")], [new(3, 1.5, new Dictionary<string, double> { ["loss"] = 0.5 })], default);
        var points = await NextAsync(follower, "points");
        Assert.Equal((3, 1.5, 0.5), ((int)points["step"]!, (double)points["seconds"]!, (double)points["metrics"]!["loss"]!));
        Assert.Equal("Round 2.", (string?)(await NextAsync(follower, "event"))["message"]);

        source.Rows = [GivenRuns.Row("a", 1), GivenRuns.Row("b", 2)];
        while ((await NextAsync(other)).Kind != "run")
        {
            Assert.Equal("ping", other.Current.Kind);
        }
    }

    [Fact]
    public async Task Reader_ThatNeverReads_CostsBoundedMemory_AndBeginsAnewWhenItDoes()
    {
        source.Rows = [GivenRuns.Row("a", 0)];
        var sleeper = hub.Join(null)!;
        await using var awake = Read(hub.Join(null)!);
        await NextAsync(awake, "snapshot");
        for (var step = 1; step <= 2 * Viewer.Capacity; step++)
        {
            source.Rows = [GivenRuns.Row("a", step)];
            // That one keeps up is not held up by the other.
            Assert.Equal(step, (int)(await NextAsync(awake, "run"))["step"]!);
        }
        Assert.Equal(Viewer.Capacity, sleeper.Waiting);

        await using var woken = Read(sleeper);
        Assert.True(await woken.MoveNextAsync());
        Assert.Equal(("snapshot", 2 * Viewer.Capacity), (woken.Current.Kind, (int)JsonNode.Parse(woken.Current.Json)!["runs"]![0]!["step"]!));
        source.Rows = [GivenRuns.Row("a", -1)];
        Assert.Equal(-1, (int)(await NextAsync(woken, "run"))["step"]!);
    }

    [Fact]
    public async Task Runs_AreLookedAtOnlyWhileSomebodyWatches()
    {
        await using (var reader = Read(hub.Join(null)!))
        {
            await NextAsync(reader, "snapshot");
        }
        Assert.Equal(0, hub.Viewers);
        await AdvanceUntilAsync(() => !hub.IsAtWork);
        var asked = source.Asked;
        time.Advance(TimeSpan.FromMinutes(1));
        Assert.Equal(asked, source.Asked);

        await using var again = Read(hub.Join(null)!);
        await NextAsync(again, "snapshot");
    }

    [Fact]
    public async Task SourceThatIsAway_HoldsUpNobody_AndIsAskedAgain()
    {
        source.Rows = null;
        await using var reader = Read(hub.Join(null)!);
        await NextAsync(reader, "ping");
        await NextAsync(reader, "ping");
        source.Rows = [GivenRuns.Row("a", 1)];
        await NextAsync(reader, "snapshot");
    }

    [Fact]
    public async Task Silo_ThatIsToldToEnd_EndsItsStreams()
    {
        await using var reader = Read(hub.Join(null)!);
        await NextAsync(reader, "snapshot");
        lifetime.StopApplication();
        while (await reader.MoveNextAsync())
        {
        }
        Assert.Null(hub.Join(null));
    }

    [Fact]
    public void Viewers_AreNotMoreThanSoMany()
    {
        for (var i = 0; i < RunHub.MostViewers; i++)
        {
            Assert.NotNull(hub.Join(null));
        }
        Assert.Null(hub.Join(null));
    }

    private IAsyncEnumerator<LiveMessage> Read(Viewer viewer) => viewer.ReadAsync(patience.Token).GetAsyncEnumerator();

    /// <summary>Lets time pass until the next message of a kind.</summary>
    private async Task<JsonNode> NextAsync(IAsyncEnumerator<LiveMessage> reader, string kind)
    {
        while ((await NextAsync(reader)).Kind != kind)
        {
        }
        return JsonNode.Parse(reader.Current.Json)!;
    }

    private async Task<LiveMessage> NextAsync(IAsyncEnumerator<LiveMessage> reader)
    {
        var next = reader.MoveNextAsync().AsTask();
        await AdvanceUntilAsync(() => next.IsCompleted);
        Assert.True(await next);
        return reader.Current;
    }

    private async Task AdvanceUntilAsync(Func<bool> reached)
    {
        while (!reached())
        {
            patience.Token.ThrowIfCancellationRequested();
            time.Advance(RunHub.Tick);
            await Task.Yield();
        }
    }

    private sealed class GivenRuns : IRunSource
    {
        private int asked;

        /// <summary><see langword="null"/>: they are away.</summary>
        public IReadOnlyList<RunRow>? Rows { get; set; } = [];

        public Dictionary<string, RunNews> News { get; } = [];

        public int Asked => Volatile.Read(ref asked);

        public bool HasCluster => true;

        public static RunRow Row(string id, long step) => new(
            id, "lm", "running", string.Create(CultureInfo.InvariantCulture, $"At {step}."), step, 100, 10, "loss", true, null, new Dictionary<string, double>(), "words", 1, null, 1, 1, 1, DateTimeOffset.UnixEpoch, null, null, "/nowhere");

        public Task<IReadOnlyList<RunRow>> ListAsync()
        {
            Interlocked.Increment(ref asked);
            return Rows is { } rows ? Task.FromResult(rows) : throw new TimeoutException("away");
        }

        public Task<FoundRun> FindAsync(string id) => Task.FromResult(new FoundRun(Row(id, 1), "/nowhere", null));

        public Task<IReadOnlyList<JournalEntry>> EventsAsync(string id, long after) => Task.FromResult<IReadOnlyList<JournalEntry>>([]);

        public Task<RunNews> NewsAsync(string id, RunMark since) => Task.FromResult(News.TryGetValue(id, out var news) ? news : new([], [], since));
    }
}

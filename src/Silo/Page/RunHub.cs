using System.Text.Json;
using Granary.Contracts;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Granary.Silo.Page;

/// <summary>
/// Looks after the runs as long as somebody watches, once for all who do, and tells them what changes. A silo has one.
/// </summary>
internal sealed partial class RunHub(IRunSource source, TimeProvider time, IHostApplicationLifetime lifetime, ILogger<RunHub> logger)
{
    /// <summary>Who comes beyond these is asked to come later.</summary>
    public const int MostViewers = 500;

    /// <summary>The pace of all: runs that are followed are looked at each time, the list every third, the pulse of the stream every 75th.</summary>
    public static readonly TimeSpan Tick = TimeSpan.FromMilliseconds(200);
    private const int TicksOfList = 3, TicksOfPing = 75;
    private static readonly JsonSerializerOptions json = new(JsonSerializerDefaults.Web);
    private readonly Lock gate = new();
    private readonly List<Viewer> viewers = [];
    private readonly Dictionary<string, FollowedRun> followed = [];
    private Dictionary<string, (RunRow Row, string Json)> rows = [];
    private List<string> order = [];
    private bool isListed, watches;
    private long lastId = time.GetUtcNow().ToUnixTimeMilliseconds() * 1000;

    /// <summary>How many watch.</summary>
    public int Viewers
    {
        get
        {
            lock (gate)
            {
                return viewers.Count;
            }
        }
    }

    /// <summary>Whether runs are looked at.</summary>
    internal bool IsAtWork
    {
        get
        {
            lock (gate)
            {
                return watches;
            }
        }
    }

    /// <param name="run">To be followed closely.</param>
    /// <returns><see langword="null"/>: too many watch already.</returns>
    public Viewer? Join(string? run)
    {
        lock (gate)
        {
            if (viewers.Count >= MostViewers || lifetime.ApplicationStopping.IsCancellationRequested)
            {
                return null;
            }
            var viewer = new Viewer(run, Snapshot, Leave);
            viewers.Add(viewer);
            if (isListed)
            {
                viewer.HasSnapshot = true;
                viewer.Offer(Snapshot());
            }
            if (!watches)
            {
                watches = true;
                _ = Task.Run(WatchAsync);
            }
            return viewer;
        }
    }

    private void Leave(Viewer viewer)
    {
        lock (gate)
        {
            viewers.Remove(viewer);
        }
    }

    private async Task WatchAsync()
    {
        try
        {
            using var timer = new PeriodicTimer(Tick, time);
            for (var tick = 0L; IsWatched(); tick++)
            {
                if (tick % TicksOfList == 0)
                {
                    await TryAsync(ListAsync);
                }
                // A disk is not looked at as often as a coordinator that remembers.
                if (source.HasCluster || tick % TicksOfList == 0)
                {
                    await Task.WhenAll(Followed().Select(run => TryAsync(() => FollowAsync(run))));
                }
                if (tick % TicksOfPing == 0)
                {
                    Tell("ping", "{}");
                }
                await timer.WaitForNextTickAsync(lifetime.ApplicationStopping);
            }
        }
        catch (OperationCanceledException)
        {
            lock (gate)
            {
                viewers.ForEach(viewer => viewer.End());
            }
        }
    }

    /// <summary>When nobody watches any more, what is known grows old and is forgotten.</summary>
    private bool IsWatched()
    {
        lock (gate)
        {
            watches = viewers.Count > 0;
            if (!watches)
            {
                (rows, order, isListed) = ([], [], false);
                followed.Clear();
            }
            return watches;
        }
    }

    private async Task ListAsync()
    {
        var now = await source.ListAsync();
        lock (gate)
        {
            var before = rows;
            rows = now.DistinctBy(row => row.Id).ToDictionary(row => row.Id, row => (row, before.TryGetValue(row.Id, out var known) && ReferenceEquals(known.Row, row) ? known.Json : JsonSerializer.Serialize(row, json)));
            order = [.. now.Select(row => row.Id).Distinct()];
            isListed = true;
            foreach (var gone in before.Keys.Except(order))
            {
                Tell("gone", JsonSerializer.Serialize(new { id = gone }, json));
            }
            foreach (var id in order.Where(id => !before.TryGetValue(id, out var known) || known.Json != rows[id].Json))
            {
                Tell("run", rows[id].Json);
            }
            foreach (var newcomer in viewers.Where(viewer => !viewer.HasSnapshot))
            {
                newcomer.HasSnapshot = true;
                newcomer.Offer(Snapshot());
            }
        }
    }

    private List<FollowedRun> Followed()
    {
        lock (gate)
        {
            var wanted = viewers.Select(viewer => viewer.Run).OfType<string>().ToHashSet();
            foreach (var left in followed.Keys.Except(wanted).ToList())
            {
                followed.Remove(left);
            }
            foreach (var id in wanted.Where(id => !followed.ContainsKey(id)))
            {
                followed.Add(id, new(id, source));
            }
            return [.. followed.Values];
        }
    }

    private async Task FollowAsync(FollowedRun run)
    {
        foreach (var (kind, news) in await run.LookAsync())
        {
            Tell(kind, JsonSerializer.Serialize(news, news.GetType(), json), run.Id);
        }
    }

    private void Tell(string kind, string content, string? run = null)
    {
        lock (gate)
        {
            var message = new LiveMessage(++lastId, kind, content);
            foreach (var viewer in viewers.Where(viewer => (viewer.HasSnapshot || kind == "ping") && (run is null || viewer.Run == run)))
            {
                viewer.Offer(message);
            }
        }
    }

    private LiveMessage Snapshot()
    {
        lock (gate)
        {
            return new(++lastId, "snapshot", $$"""{"runs":[{{string.Join(',', order.Select(id => rows[id].Json))}}]}""");
        }
    }

    /// <summary>What cannot be looked at now is looked at again soon.</summary>
    private async Task TryAsync(Func<Task> look)
    {
        try
        {
            await look();
        }
        catch (UnknownRunException)
        {
        }
        catch (Exception away)
        {
            LogAway(away.Message);
        }
    }

    [LoggerMessage(LogLevel.Debug, "Runs cannot be looked at for the page: {Reason}")]
    private partial void LogAway(string reason);
}

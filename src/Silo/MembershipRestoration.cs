using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Orleans.Clustering.Redis;
using Orleans.Configuration;
using StackExchange.Redis;

namespace Granary.Silo;

/// <summary>
/// Writes the membership table back when Redis has lost it, or has gone back to an older one. Silos that are not in it any more
/// would go on as a cluster that nobody can join, beside one that the next newcomer begins under the same id.
/// </summary>
internal sealed partial class MembershipRestoration(
    IConnectionMultiplexer redis,
    IOptions<RedisClusteringOptions> clustering,
    IOptions<ClusterOptions> cluster,
    ILocalSiloDetails silo,
    IClusterMembershipService membership,
    TimeProvider time,
    ILogger<MembershipRestoration> logger) : BackgroundService
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(1);

    // A hash of Orleans' Redis membership: a field for the version, and one for each silo.
    private static readonly RedisValue Version = "Version";
    private readonly RedisKey table = clustering.Value.CreateRedisKey(cluster.Value);
    private readonly RedisValue own = silo.SiloAddress.ToString();

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        HashEntry[] known = [];
        using var timer = new PeriodicTimer(Interval, time);
        while (await timer.WaitForNextTickAsync(stoppingToken))
        {
            try
            {
                // Asked before the table is read: the table must have come this far.
                var reached = membership.CurrentSnapshot.Version.Value;
                var rows = await redis.GetDatabase().HashGetAllAsync(table);
                if (rows.Any(row => row.Name == own) && VersionOf(rows) >= reached)
                {
                    known = rows;
                }
                else if (known.Length > 0)
                {
                    await RestoreAsync(rows, known, Math.Max(VersionOf(rows), reached));
                }
            }
            catch (Exception away) when (away is RedisException or RedisTimeoutException)
            {
                LogAway(away.Message);
            }
        }
    }

    /// <summary>All in one, and only if nobody else has written meanwhile: the next look tells whether it worked.</summary>
    private async Task RestoreAsync(HashEntry[] rows, HashEntry[] known, long reached)
    {
        var there = rows.Select(row => row.Name).Append(Version).ToHashSet();
        var missing = known.Where(row => !there.Contains(row.Name)).ToList();
        var write = redis.GetDatabase().CreateTransaction();
        write.AddCondition(rows.Length == 0 ? Condition.KeyNotExists(table) : Condition.HashEqual(table, Version, VersionOf(rows)));
        // Silos follow only a version above the one they have seen.
        _ = write.HashSetAsync(table, [.. missing, new(Version, reached + 1)]);
        if (await write.ExecuteAsync())
        {
            LogRestored(rows.Length == 0 ? "all" : "some", missing.Count);
        }
    }

    private static long VersionOf(HashEntry[] rows) => (long?)rows.FirstOrDefault(row => row.Name == Version).Value ?? 0;

    [LoggerMessage(LogLevel.Warning, "Redis has lost {HowMuch} of its data: wrote {Silos} silos back into the cluster's table")]
    private partial void LogRestored(string howMuch, int silos);

    [LoggerMessage(LogLevel.Debug, "The cluster's table cannot be read: {Reason}")]
    private partial void LogAway(string reason);
}

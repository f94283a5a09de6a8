using System.Globalization;
using Granary.Silo.Settings;

namespace Granary.Silo.Diagnosis;

/// <summary>Whether a cluster's Redis answers, and by whose clock.</summary>
internal static class RedisFindings
{
    private const string Subject = "Redis", Option = "--redis";

    /// <summary>Silos compare times of one another: of dead ones in the table of the cluster, and of log lines.</summary>
    private static readonly TimeSpan Apart = TimeSpan.FromSeconds(1);

    /// <param name="configuration"><see langword="null"/>: none is asked.</param>
    public static async Task<Finding> FindAsync(string? configuration, TimeProvider time, CancellationToken cancellationToken)
    {
        if (configuration is null)
        {
            return new(Subject, $"not asked ({Option} HOST:PORT asks one); only clusters of several processes need it");
        }
        try
        {
            return await AskAsync(new(RedisConfiguration.Parse(configuration, Option)), time).WaitAsync(cancellationToken);
        }
        catch (ClusterStartException wrong)
        {
            return Finding.Break(Subject, "not asked", wrong.Message);
        }
    }

    private static async Task<Finding> AskAsync(RedisConnection connection, TimeProvider time)
    {
        try
        {
            await using var redis = await connection.OpenAsync();
            var server = redis.GetServers().First(one => one.IsConnected);
            var asked = time.GetUtcNow();
            var its = await server.TimeAsync();
            return Of($"{server.Version} at {connection.Address}", its - asked.UtcDateTime, roundTrip: time.GetUtcNow() - asked);
        }
        catch (Exception error) when (RedisConnection.IsFault(error))
        {
            return RedisConnection.IsRefusal(error)
                ? Finding.Break(Subject, $"refuses the user or password at {connection.Address}", $"Write them: {Option} HOST:PORT,user=NAME,password=WORD.")
                : Finding.Break(Subject, $"no answer at {connection.Address}: {RedisConnection.Reason(error)}", RedisConnection.Cure);
        }
    }

    /// <param name="ahead">By how much its clock was ahead of this machine's when it was asked.</param>
    /// <param name="roundTrip">Until it had answered.</param>
    internal static Finding Of(string server, TimeSpan ahead, TimeSpan roundTrip)
    {
        // It read its clock at some moment in between.
        var off = ahead > roundTrip ? ahead - roundTrip : ahead < TimeSpan.Zero ? ahead : TimeSpan.Zero;
        return off.Duration() <= Apart
            ? new(Subject, server)
            : Finding.Warn(Subject, string.Create(CultureInfo.InvariantCulture, $"{server}, whose clock is {off.Duration().TotalSeconds:0.0} s {(off > TimeSpan.Zero ? "ahead of" : "behind")} that of this machine"), "Set both clocks by NTP: silos compare their times.");
    }
}

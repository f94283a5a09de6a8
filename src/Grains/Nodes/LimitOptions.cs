using System.ComponentModel.DataAnnotations;
using Granary.Contracts;
using Granary.Training.Frames;
using Granary.Training.Runs;
using Granary.Training.Tasks;

namespace Granary.Grains.Nodes;

/// <summary>How much runs and clients may take. What is refused for a limit names it.</summary>
public sealed class LimitOptions
{
    public const string Section = "Granary:Limits";

    /// <summary>Runs that wait or are under way at once, in the cluster. Default: 1,000.</summary>
    [Range(1, 1_000_000)]
    public int Runs { get; set; } = 1000;

    /// <summary>Workers of a run. Default: 1,024.</summary>
    [Range(1, ShardLedger.MostShards)]
    public int Workers { get; set; } = 1024;

    /// <summary>Shards of a run. Default: 4,096.</summary>
    [Range(1, ShardLedger.MostShards)]
    public int Shards { get; set; } = ShardLedger.MostShards;

    /// <summary>Steps of a run, if it was asked for in epochs, too. Default: 10,000,000,000.</summary>
    [Range(typeof(long), "1", "1000000000000")]
    public long Steps { get; set; } = 10_000_000_000;

    /// <summary>Bytes of memory that a run may need in a slot, as it states them before its first step. Default: 1 TiB.</summary>
    [Range(typeof(long), "1", "1125899906842624")]
    public long ModelBytes { get; set; } = 1L << 40;

    /// <summary>Bytes of a message to the gateway, such as a spec. Default: 256 KiB.</summary>
    [Range(1024, 64 << 20)]
    public int MessageBytes { get; set; } = 256 << 10;

    /// <summary>Clients that watch runs at once, on one silo. Default: 1,000.</summary>
    [Range(1, 1_000_000)]
    public int Watches { get; set; } = 1000;

    /// <summary>Of these, those of one caller. Default: 50.</summary>
    [Range(1, 1_000_000)]
    public int WatchesOfOne { get; set; } = 50;

    /// <summary>How long a client that watches may take to read an event; then its watch ends, and it may ask for the rest anew. Default: 30 seconds.</summary>
    [Range(typeof(TimeSpan), "00:00:01", "1.00:00:00")]
    public TimeSpan WatchPatience { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>Connections to each of the gateway's two ports at once, on one silo; more are closed at once. Default: 300, by which a silo stays within the files that it needs to be let open.</summary>
    [Range(1, 1_000_000)]
    public int Connections { get; set; } = 300;

    /// <summary>How long a connection to the gateway may be open that asks for nothing, or does not come to the end of its question. Default: 30 seconds.</summary>
    [Range(typeof(TimeSpan), "00:00:01", "1.00:00:00")]
    public TimeSpan IdleTime { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>The name of a limit, as it is configured.</summary>
    public static string NameOf(string property) => $"{Section}:{property}";

    /// <summary>Refuses a run that asks for more than a run may have.</summary>
    /// <exception cref="SpecException"/>
    public void Check(RunSpec run)
    {
        CheckWorkers(run.Workers);
        Check("shards", run.Shards, nameof(Shards), Shards);
        Check("steps", run.Steps ?? 0, nameof(Steps), Steps);
    }

    /// <exception cref="SpecException"/>
    public void CheckWorkers(int workers) => Check("workers", workers, nameof(Workers), Workers);

    /// <summary>Refuses what was built for a run, before its first step.</summary>
    /// <exception cref="SpecException">It has too many steps.</exception>
    /// <exception cref="InsufficientMemoryException">It is too large.</exception>
    public void Check(ITrainingReplica built)
    {
        Check("steps", built.TotalSteps, nameof(Steps), Steps);
        MemoryLimit.Check(built.MemoryNeeds, ModelBytes, $"a run of this cluster, by {NameOf(nameof(ModelBytes))},");
    }

    /// <summary>What is said where as many are at something as may be.</summary>
    public static LimitException Reached(string property, int most, string what, string cure) => new($"As many {what} as may be at once: {most} ({NameOf(property)}). {cure}");

    private static void Check(string name, long value, string property, long most)
    {
        if (value > most)
        {
            throw new SpecException($"'{name}' cannot be '{value}': it takes at most {most} here ({NameOf(property)}).");
        }
    }
}

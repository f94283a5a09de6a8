using Granary.Training.Exchange;
using Granary.Training.Exchange.Links;
using Granary.Training.Frames;
using Granary.Training.Shards;
using Granary.Training.Tasks;

namespace Granary.Training.Loop;

/// <summary>
/// Measures a model on its held-out data: the same shards, summed along the same tree as in training, hence the same numbers on any
/// number of workers.
/// </summary>
public static class Evaluation
{
    /// <summary>By one worker alone.</summary>
    /// <param name="shards">In all.</param>
    /// <param name="ahead">Whether batches may be made ahead, on another thread. Default: yes.</param>
    public static Metrics Run(ITrainingReplica replica, int shards, bool ahead = true)
    {
        using var alone = new SoloExchange();
        return Run(replica, new(0, shards), shards, alone, ahead);
    }

    /// <summary>One worker's part, on the thread that owns the replica. Every worker of the exchange does its own.</summary>
    /// <param name="mine">The worker's shards.</param>
    /// <param name="shards">In all.</param>
    /// <param name="ahead">Whether batches may be made ahead, on another thread. Default: yes.</param>
    /// <returns>What all have found together; for the worker that has the first shard, also the measures that are not sums over shards.</returns>
    /// <exception cref="ExchangeAbortedException">Another worker has failed.</exception>
    public static Metrics Run(ITrainingReplica replica, ShardRange mine, int shards, IExchange exchange, bool ahead = true)
    {
        var metrics = new Metrics();
        if (ahead)
        {
            replica.Expect(mine);
        }
        try
        {
            for (var phase = 0; phase < replica.Phases.Count; phase++)
            {
                if (!replica.IsHeldOut(phase))
                {
                    continue;
                }
                using var fold = new FrameFold(shards, () => replica.CreateFrame(phase));
                var sum = exchange.Sum(fold.Compute(mine, (shard, frame) => replica.ComputeGradients(new(0, phase, shard), frame)), step: 0, phase);
                try
                {
                    replica.Report(phase, sum, metrics);
                }
                finally
                {
                    exchange.Release();
                }
            }
            if (mine.Start == 0)
            {
                replica.Examine(metrics);
            }
            return metrics;
        }
        catch (Exception error) when (error is not ExchangeAbortedException)
        {
            exchange.Abort($"A worker failed: {error.Message}");
            throw;
        }
    }
}

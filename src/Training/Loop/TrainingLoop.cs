using System.Diagnostics;
using Granary.Training.Exchange;
using Granary.Training.Frames;
using Granary.Training.Shards;
using Granary.Training.Tasks;

namespace Granary.Training.Loop;

/// <summary>How long the parts of a step took.</summary>
public readonly record struct StepTimes(TimeSpan Compute, TimeSpan Exchange, TimeSpan Apply)
{
    public TimeSpan Total => Compute + Exchange + Apply;

    public static StepTimes operator +(StepTimes a, StepTimes b) =>
        new(a.Compute + b.Compute, a.Exchange + b.Exchange, a.Apply + b.Apply);
}

/// <summary>Is told of each committed step, on the training thread: whatever it does, the step waits for.</summary>
public interface IStepObserver
{
    /// <param name="step">Steps committed so far: the replica now stands before the step of this number.</param>
    /// <param name="metrics">What the step's phases learned; reused, so copy what is to be kept.</param>
    void StepCommitted(long step, Metrics metrics, StepTimes times);
}

/// <summary>
/// One worker's part of a round: compute my shards, exchange, apply, next. Asks nobody for leave. Runs on the thread that
/// owns the replica.
/// </summary>
public sealed class TrainingLoop : IDisposable
{
    private readonly ITrainingReplica replica;
    private readonly ShardRange shards;
    private readonly FrameFold[] folds;
    private readonly Metrics metrics = [];

    public TrainingLoop(ITrainingReplica replica, ShardRange shards, int shardCount)
    {
        this.replica = replica;
        this.shards = shards;
        folds = [.. replica.Phases.Select((_, phase) => new FrameFold(shardCount, () => replica.CreateFrame(phase)))];
    }

    /// <summary>Whether the replica stands within a step: some of its phases are applied, others are not.</summary>
    public bool MidStep { get; private set; }

    /// <summary>Trains until the last step, or until any worker of the round wants to stop: all then stop at the same step.</summary>
    /// <param name="from">The first step to make: how many the replica has behind it.</param>
    /// <param name="stop">Ends the round at the next step boundary.</param>
    /// <returns>How many steps the replica has behind it now.</returns>
    /// <exception cref="ExchangeAbortedException">The round broke off within a step.</exception>
    /// <exception cref="NonFiniteException">The run cannot go on; the weights are those of the last committed step.</exception>
    public long Run(long from, IExchange exchange, IStepObserver observer, CancellationToken stop)
    {
        try
        {
            var step = from;
            for (var stopping = false; step < replica.TotalSteps && !stopping; step++)
            {
                metrics.Clear();
                var times = default(StepTimes);
                for (var phase = 0; phase < folds.Length; phase++)
                {
                    if (replica.Happens(phase, step))
                    {
                        times += RunPhase(step, phase, exchange, stop, ref stopping);
                    }
                }
                MidStep = false;
                observer.StepCommitted(step + 1, metrics, times);
            }
            return step;
        }
        catch (Exception error) when (error is not ExchangeAbortedException)
        {
            exchange.Abort($"A worker failed: {error.Message}");
            throw;
        }
    }

    public void Dispose()
    {
        foreach (var fold in folds)
        {
            fold.Dispose();
        }
    }

    private StepTimes RunPhase(long step, int phase, IExchange exchange, CancellationToken stop, ref bool stopping)
    {
        var started = Stopwatch.GetTimestamp();
        var partials = folds[phase].Compute(shards, (shard, frame) => replica.ComputeGradients(new(step, phase, shard), frame));
        var sum = partials[0].Frame;
        sum.Control = stop.IsCancellationRequested ? 1 : 0;
        var computed = Stopwatch.GetTimestamp();
        exchange.Sum(partials, step, phase);
        stopping |= sum.Control > 0;
        var exchanged = Stopwatch.GetTimestamp();
        replica.Apply(phase, step, sum, metrics);
        MidStep = true;
        return new(Stopwatch.GetElapsedTime(started, computed), Stopwatch.GetElapsedTime(computed, exchanged), Stopwatch.GetElapsedTime(exchanged));
    }
}

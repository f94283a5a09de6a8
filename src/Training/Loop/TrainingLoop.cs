using System.Diagnostics;
using Granary.Training.Exchange;
using Granary.Training.Exchange.Links;
using Granary.Training.Frames;
using Granary.Training.Shards;
using Granary.Training.Tasks;

namespace Granary.Training.Loop;

/// <summary>How long the parts of a step took.</summary>
/// <param name="Compute">Includes the time spent waiting for data.</param>
/// <param name="Data">The part of computing that was spent waiting for data.</param>
public readonly record struct StepTimes(TimeSpan Compute, TimeSpan Exchange, TimeSpan Apply, TimeSpan Data)
{
    /// <summary>The whole step.</summary>
    public TimeSpan Total => Compute + Exchange + Apply;

    /// <summary>Part by part.</summary>
    public static StepTimes operator +(StepTimes a, StepTimes b) =>
        new(a.Compute + b.Compute, a.Exchange + b.Exchange, a.Apply + b.Apply, a.Data + b.Data);
}

/// <summary>Is told how far the loop is, on the training thread: the step waits for whatever it does.</summary>
public interface IStepObserver
{
    /// <summary>The worker's shards of the phase are computed; the exchange is next.</summary>
    void PhaseComputed(long step, int phase) { }

    /// <summary>The sum is there, and the replica is about to change its state.</summary>
    void Applying(long step, int phase) { }

    /// <summary>
    /// Whether the workers shall compare their states when this many steps are committed. The same on all of them: it may depend on
    /// the step, on what was learned in it and on the spec only.
    /// </summary>
    bool ComparesAt(long step, Metrics metrics) => false;

    /// <summary>Whether this worker would like the states to be compared at the next step boundary; all then do.</summary>
    bool WantsComparison => false;

    /// <summary>The states of all workers, this many, were found equal; the step is committed next.</summary>
    void StatesAgree(long step, int workers) { }

    /// <param name="step">Steps committed so far: the replica now stands before the step of this number.</param>
    /// <param name="metrics">What the step's phases learned; reused, so copy what is to be kept.</param>
    void StepCommitted(long step, Metrics metrics, StepTimes times);
}

/// <summary>
/// One worker's part of a round: compute my shards, exchange, apply, next. Asks nobody for permission. Runs on the thread that
/// owns the replica.
/// </summary>
public sealed class TrainingLoop : IDisposable
{
    /// <summary>The scalar of a replica's state that counts how often a shard entered the weights: a ledger that travels with them.</summary>
    public const string Ledger = "ledger.shards";

    private readonly ITrainingReplica replica;
    private readonly ShardRange shards;
    private readonly int shardCount;
    private readonly ShardLedger allShards;
    private readonly FrameFold[] folds;
    private readonly Action<int, Frame> computeShard;
    private readonly Metrics metrics;
    private readonly StateComparison comparison;
    private bool comparing;

    /// <param name="metrics">What the phases that are applied already have learned. Default: nothing.</param>
    public TrainingLoop(ITrainingReplica replica, ShardRange shards, int shardCount, Metrics? metrics = null)
    {
        this.replica = replica;
        this.shards = shards;
        this.shardCount = shardCount;
        this.metrics = metrics ?? [];
        allShards = ShardLedger.OfAll(shardCount);
        computeShard = (shard, frame) => Compute(new(Position.Step, Position.Phase, shard), frame);
        comparison = new(shards, shardCount);
        folds = [.. replica.Phases.Select((_, phase) => new FrameFold(shardCount, () => replica.CreateFrame(phase)))];
    }

    /// <summary>Where the replica stands. After an aborted round, too: the phase that broke off has left no trace.</summary>
    public Position Position { get; private set; }

    /// <summary>Whether somebody who asked to stop wanted a checkpoint; the same on all workers of the round.</summary>
    public bool CheckpointWanted { get; private set; }

    /// <summary>Trains until the last step, or until any worker of the round wants to stop: all then stop at the same step.</summary>
    /// <param name="from">Where the replica stands.</param>
    /// <param name="stop">Ends the round at the next step boundary.</param>
    /// <returns>How many steps the replica has behind it now.</returns>
    /// <exception cref="ExchangeAbortedException">The round broke off within a step.</exception>
    /// <exception cref="StatesDifferException">The workers' states are not equal; which of them is right, nobody knows.</exception>
    /// <exception cref="ShardFailedException">The task threw; the weights are those of <see cref="Position"/>.</exception>
    /// <exception cref="NonFiniteException">The run cannot go on; the weights are those of <see cref="Position"/>.</exception>
    public long Run(Position from, IExchange exchange, IStepObserver observer, StopSignal stop)
    {
        Position = from;
        replica.Expect(shards);
        try
        {
            var stopping = false;
            while (Position.Step < replica.TotalSteps && !stopping)
            {
                var (step, times) = (Position.Step, default(StepTimes));
                if (Position.Phase == 0)
                {
                    metrics.Clear();
                }
                for (; Position.Phase < folds.Length; Position = Position with { Phase = Position.Phase + 1 })
                {
                    if (replica.Happens(Position.Phase, step))
                    {
                        times += RunPhase(step, Position.Phase, exchange, observer, stop, ref stopping);
                    }
                }
                Position = new(step + 1);
                Commit(exchange, observer, times);
            }
            return Position.Step;
        }
        catch (Exception error) when (error is not (ExchangeAbortedException or StatesDifferException))
        {
            exchange.Abort($"A worker failed: {error.Message}");
            throw;
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        comparison.Dispose();
        foreach (var fold in folds)
        {
            fold.Dispose();
        }
    }

    /// <summary>Compares the states if it is time to, then reports the step. A step whose comparison gives no verdict is reported all the same.</summary>
    private void Commit(IExchange exchange, IStepObserver observer, StepTimes times)
    {
        try
        {
            if (comparing || Position.Step == replica.TotalSteps || observer.ComparesAt(Position.Step, metrics))
            {
                comparing = false;
                observer.StatesAgree(Position.Step, comparison.Compare(replica.State, exchange, Position.Step, folds.Length));
            }
        }
        catch (ExchangeAbortedException)
        {
            observer.StepCommitted(Position.Step, metrics, times);
            throw;
        }
        observer.StepCommitted(Position.Step, metrics, times);
    }

    private StepTimes RunPhase(long step, int phase, IExchange exchange, IStepObserver observer, StopSignal stop, ref bool stopping)
    {
        var (started, waited) = (Stopwatch.GetTimestamp(), replica.DataWait);
        var partials = folds[phase].Compute(shards, computeShard, exchange.SumsOnDevices);
        partials[0].Frame.Control = stop.Control + (observer.WantsComparison ? StopSignal.Compare : 0);
        var computed = Stopwatch.GetTimestamp();
        observer.PhaseComputed(step, phase);
        var sum = exchange.Sum(partials, step, phase);
        long exchanged = Stopwatch.GetTimestamp(), applied;
        NonFiniteException? poisoned = null;
        try
        {
            if (ShardLedger.Read(sum.Shards) != allShards)
            {
                throw new InvalidOperationException($"The sum of step {step}, phase {phase} does not hold every shard exactly once. The weights are unchanged. This is a defect of Granary.");
            }
            stopping |= StopSignal.AsksToStop(sum.Control);
            CheckpointWanted |= StopSignal.AsksForCheckpoint(sum.Control);
            comparing |= sum.Control > 0;
            observer.Applying(step, phase);
            replica.Apply(phase, step, sum, metrics);
        }
        catch (NonFiniteException found)
        {
            poisoned = found;
        }
        finally
        {
            applied = Stopwatch.GetTimestamp();
            exchange.Release();
        }
        if (poisoned is not null)
        {
            // A state that a machine has altered can be the cause, too. All see the same sum, so all come here.
            comparison.Compare(replica.State, exchange, step, folds.Length + 1 + phase);
            throw new NonFiniteException(poisoned.What, poisoned.Phase, poisoned.Step, PoisonedShard(step, phase, partials[0].Frame));
        }
        replica.State.Scalars[Ledger] = replica.State.Scalars.GetValueOrDefault(Ledger) + shardCount;
        return new(
            Stopwatch.GetElapsedTime(started, computed),
            Stopwatch.GetElapsedTime(computed, exchanged) + Stopwatch.GetElapsedTime(applied),
            Stopwatch.GetElapsedTime(exchanged, applied),
            replica.DataWait - waited);
    }

    private void Compute(Coordinates at, Frame frame)
    {
        try
        {
            replica.ComputeGradients(at, frame);
        }
        catch (Exception error) when (error is not ExchangeAbortedException)
        {
            throw new ShardFailedException(at.Shard, replica.Phases[at.Phase], at.Step, error);
        }
    }

    /// <summary>Which of this worker's shards is not finite, computed once more into its own frame; <see langword="null"/>: none.</summary>
    private int? PoisonedShard(long step, int phase, Frame frame)
    {
        for (var shard = shards.Start; shard < shards.End; shard++)
        {
            Compute(new(step, phase, shard), frame);
            frame.ToHost();
            if (!AllFinite(frame) || (frame.Rows is { } rows && !AllFinite(rows.Values)))
            {
                return shard;
            }
        }
        return null;
    }

    private static bool AllFinite(Frame frame)
    {
        const int Piece = 1 << 20;
        for (var start = 0L; start < frame.Size; start += Piece)
        {
            if (!AllFinite(frame.Part(start, Math.Min(Piece, frame.Size - start))))
            {
                return false;
            }
        }
        return true;
    }

    private static bool AllFinite(ReadOnlySpan<float> values)
    {
        foreach (var value in values)
        {
            if (!float.IsFinite(value))
            {
                return false;
            }
        }
        return true;
    }
}

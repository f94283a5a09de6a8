using Granary.Torch;
using Granary.Training.Tasks;

namespace Granary.Testing;

/// <summary>A task breaks one of its promises. The message says which, with what was seen.</summary>
public sealed class BrokenPromiseException(string message) : Exception(message);

/// <summary>
/// What every task promises. To be checked in a test of the task, with small settings and a number of shards that no number of workers
/// divides evenly. Throws <see cref="BrokenPromiseException"/>; knows no test framework.
/// </summary>
public static class TaskPromises
{
    private const int Steps = 9, Few = 3;

    /// <summary>All five promises.</summary>
    /// <param name="spec">Changes the spec, which has five shards: <c>spec => spec with { Settings = … }</c>.</param>
    /// <param name="learningSteps">After this many steps the loss is lower than in the first. Default: 50.</param>
    public static void Check<TLearner>(Func<TrainingSpec, TrainingSpec>? spec = null, int learningSteps = 50) where TLearner : Learner
    {
        var task = LearnerTask.Of<TLearner>();
        var settled = new TrainingSpec { Task = task.Name, Shards = 5 };
        Check(task, spec?.Invoke(settled) ?? settled, learningSteps);
    }

    /// <inheritdoc cref="Check{TLearner}"/>
    public static void Check(ITrainingTask task, TrainingSpec spec, int learningSteps = 50)
    {
        Learns(task, spec, learningSteps);
        LeavesNoTensorsBehind(task, spec);
        FollowsFromItsSeed(task, spec);
        GoesOnAsIfNeverStopped(task, spec);
        HasTheSameBitsOnAnyNumberOfWorkers(task, spec);
    }

    /// <summary>The loss is lower after some steps than in the first.</summary>
    /// <param name="metric">The metric that falls. Default: the loss.</param>
    public static void Learns(ITrainingTask task, TrainingSpec spec, int steps, string metric = Metrics.Loss)
    {
        using var training = new Lockstep(task, spec).Run(1);
        var first = training.Metrics[metric];
        var last = training.Run(steps - 1).Metrics[metric];
        Demand(last < first, $"it learns: its {metric} is {first:G5} in the first step and {last:G5} in step {steps}");
    }

    /// <summary>As many tensors are alive after many steps as after a few.</summary>
    public static void LeavesNoTensorsBehind(ITrainingTask task, TrainingSpec spec)
    {
        using var training = new Lockstep(task, spec).Run(Few);
        training.Evaluate();
        var live = Lockstep.LiveTensors;
        training.Run(Steps);
        training.Evaluate();
        var more = Lockstep.LiveTensors - live;
        Demand(more == 0, $"it leaves no tensors behind: {more} more are alive after {Steps} steps and an evaluation. Dispose what is kept; what is made in a loss or a batch goes by itself");
    }

    /// <summary>The same seed gives the same weights, another seed others.</summary>
    public static void FollowsFromItsSeed(ITrainingTask task, TrainingSpec spec)
    {
        using var first = new Lockstep(task, spec).Run(Few);
        using var again = new Lockstep(task, spec).Run(Few);
        using var other = new Lockstep(task, spec with { Seed = spec.Seed + 1 }).Run(Few);
        Demand(first.Hash == again.Hash, $"the same seed gives the same weights: twice seed {spec.Seed} gave two. Something is random that does not follow from it");
        Demand(first.Hash != other.Hash, "another seed gives other weights: it gave the same. Is the seed used at all?");
    }

    /// <summary>A training that is stopped and resumed from its state ends like one that was never stopped.</summary>
    public static void GoesOnAsIfNeverStopped(ITrainingTask task, TrainingSpec spec)
    {
        using var straight = new Lockstep(task, spec).Run(Steps);
        using var stopped = new Lockstep(task, spec).Run(Few);
        using var resumed = new Lockstep(task, spec).Run(1);
        resumed.GoOnFrom(stopped);
        Demand(straight.Hash == resumed.Run(Steps - Few).Hash, "a training that is stopped and resumed ends as one that never was: it ends elsewhere. Something is remembered outside the state; use the carry of the pass");
    }

    /// <summary>Two workers and three compute the same bits as one, in training and in evaluation.</summary>
    public static void HasTheSameBitsOnAnyNumberOfWorkers(ITrainingTask task, TrainingSpec spec)
    {
        using var one = new Lockstep(task, spec).Run(Steps);
        foreach (var workers in new[] { 2, 3 }.Where(workers => workers <= spec.Shards))
        {
            using var several = new Lockstep(task, spec, workers).Run(Steps);
            Demand(one.Hash == several.Hash, $"any number of workers gives the same weights: {workers} gave others than one. Do batches and random numbers depend on step and shard alone?");
            Demand(one.Metrics.ToDictionary().OrderBy(metric => metric.Key).SequenceEqual(several.Metrics.ToDictionary().OrderBy(metric => metric.Key)), $"any number of workers measures the same: {workers} measured otherwise than one");
        }
    }

    private static void Demand(bool kept, string promise)
    {
        if (!kept)
        {
            throw new BrokenPromiseException($"Broken promise: {promise}.");
        }
    }
}

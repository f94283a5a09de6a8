using Granary.Training.Optimization;
using Granary.Training.Tasks;
using static TorchSharp.torch;

namespace Granary.Torch;

/// <summary>A part of a step: all workers compute their shards of it, and what they found is added up before the next begins.</summary>
public abstract class Phase
{
    private readonly Lazy<IBatches<object>> batches;

    private protected Phase(string name, Func<IBatches<object>> batches) => (Name, this.batches) = (name, new(batches));

    /// <summary>As messages and metrics name it.</summary>
    public string Name { get; }

    /// <summary>Names of what its passes add up besides the loss; see <see cref="ShardPass.Add(string, double)"/>. Default: none.</summary>
    public IReadOnlyList<string> Sums { get; init; } = [];

    /// <summary>
    /// Floats that each shard carries from one of its batches to the next: in a phase that learns, from step to step, as part of the
    /// state; in a held-out phase, for as long as one measurement lasts. Default: none.
    /// </summary>
    public int CarryLength { get; init; }

    internal IBatches<object> Batches => batches.Value;

    internal void DisposeBatches()
    {
        if (batches.IsValueCreated)
        {
            (batches.Value as IDisposable)?.Dispose();
        }
    }
}

/// <summary>A phase in which some networks learn from a loss.</summary>
public abstract class LearningPhase : Phase
{
    private protected LearningPhase(string name, NetworkSettings settings, IReadOnlyList<nn.Module> learns, Func<IBatches<object>> batches) : base(name, batches)
    {
        Learns = learns;
        Optimizer = new(settings.Optimizer, settings.Momentum, settings.Beta1, settings.Nesterov, settings.Beta2);
        (LearningRate, Schedule, WarmUp) = (settings.LearningRate, settings.Schedule, settings.WarmUp);
        (WeightDecay, Clip) = (settings.WeightDecay, settings.Clip);
    }

    /// <summary>The networks that learn, some or all of the learner's; all others stand still.</summary>
    public IReadOnlyList<nn.Module> Learns { get; }

    /// <summary>The optimizer. Default: the settings', as for all properties below that name no other default.</summary>
    public OptimizerChoice Optimizer { get; init; }

    /// <summary>The learning rate; of a schedule, the highest.</summary>
    public double LearningRate { get; init; }

    /// <summary>One of those that <see cref="Training.Optimization.Schedule"/> knows.</summary>
    public string Schedule { get; init; }

    /// <summary>Steps over which the rate rises at first.</summary>
    public long WarmUp { get; init; }

    /// <summary>Pull of the weights towards 0.</summary>
    public double WeightDecay { get; init; }

    /// <summary>Largest norm of the mean gradient; 0: any.</summary>
    public double Clip { get; init; }

    /// <summary>Parameters that learn otherwise; the first group that has a parameter counts. Default: none, all learn alike.</summary>
    public IReadOnlyList<ParameterGroup> Groups { get; init; } = [];

    /// <summary>Whether the phase takes place in a step. Default: in every one.</summary>
    public Func<long, bool> When { get; init; } = _ => true;

    internal abstract Tensor LossOf(object batch, ShardPass pass);
}

/// <inheritdoc/>
/// <param name="settings">What the optimizer, its rate and its schedule are taken from.</param>
/// <param name="learns">See <see cref="LearningPhase.Learns"/>.</param>
/// <param name="batches">Called once, when the first batch is needed.</param>
/// <param name="loss">The loss summed over the shard's samples (not their mean); it adds their number to the pass's weight.</param>
public sealed class LearningPhase<TBatch>(
    string name, NetworkSettings settings, IReadOnlyList<nn.Module> learns, Func<IBatches<TBatch>> batches, Func<TBatch, ShardPass, Tensor> loss)
    : LearningPhase(name, settings, learns, batches) where TBatch : class
{
    internal override Tensor LossOf(object batch, ShardPass pass) => loss((TBatch)batch, pass);
}

/// <summary>A phase that measures on held-out data, in evaluation mode and without gradients. It goes once through all of its batches, and changes no weight.</summary>
public abstract class HeldOutPhase : Phase
{
    private protected HeldOutPhase(string name, Func<IBatches<object>> batches) : base(name, batches)
    {
    }

    /// <summary>Whether it takes place in training, at every validation; else in an evaluation only. Default: yes.</summary>
    public bool InTraining { get; init; } = true;

    /// <summary>What the totals mean. Default: the mean of each sum, as <c>phase.sum</c>.</summary>
    public Action<Totals, Metrics> Report { get; init; } = ReportMeans;

    /// <summary>See <see cref="Report"/>.</summary>
    public static void ReportMeans(Totals totals, Metrics metrics)
    {
        foreach (var name in totals.Names)
        {
            metrics[$"{totals.Phase}.{name}"] = totals.Mean(name);
        }
    }

    internal abstract void Judge(object batch, ShardPass pass);
}

/// <inheritdoc/>
/// <param name="batches">Called once, when the first batch is needed. The phase measures on the batches of one epoch.</param>
/// <param name="judge">What a batch adds to the sums and to the weight.</param>
public sealed class HeldOutPhase<TBatch>(string name, Func<IBatches<TBatch>> batches, Action<TBatch, ShardPass> judge)
    : HeldOutPhase(name, batches) where TBatch : class
{
    internal override void Judge(object batch, ShardPass pass) => judge((TBatch)batch, pass);
}

using Granary.Training.Tasks;
using static TorchSharp.torch;

namespace Granary.Torch;

/// <summary>A learner with one network that learns from one loss, measured on held-out data or not.</summary>
/// <typeparam name="TSettings">A record of its settings, with their defaults.</typeparam>
/// <typeparam name="TBatch">See <see cref="IBatches{TBatch}"/>.</typeparam>
public abstract class NetworkLearner<TSettings, TBatch>(LearnerContext context) : Learner<TSettings>(context)
    where TSettings : NetworkSettings, new()
    where TBatch : class
{
    /// <summary>The sum that a network is judged by unless it says otherwise: that of the loss.</summary>
    protected const string Loss = Metrics.Loss;

    private IReadOnlyList<Phase>? phases;

    /// <inheritdoc/>
    public sealed override IReadOnlyList<(string Name, nn.Module Module)> Networks => [("", Network)];

    /// <inheritdoc/>
    public sealed override IReadOnlyList<Phase> Phases => phases ??=
    [
        Train(new("train", Settings, [Network], Training, LossSum) { CarryLength = CarryLength, Groups = Groups }),
        .. HeldOut("validation", Validation, inTraining: true),
        .. HeldOut("test", Test, inTraining: false),
    ];

    /// <summary>With the loss of the validation as the measure, if there is a validation.</summary>
    public override Measure Measure => Validation is null ? base.Measure : new("validation.loss", LowerIsBetter: true, Occasional: true);

    /// <summary>The network; one and the same at every call.</summary>
    protected abstract nn.Module Network { get; }

    /// <summary>Makes what it learns from.</summary>
    protected abstract Func<IBatches<TBatch>> Training { get; }

    /// <summary>Makes what it is measured on in training, every so many steps. Default: there is nothing.</summary>
    protected virtual Func<IBatches<TBatch>>? Validation => null;

    /// <summary>Makes what it is measured on in an evaluation only. Default: there is nothing.</summary>
    protected virtual Func<IBatches<TBatch>>? Test => null;

    /// <summary>See <see cref="Phase.CarryLength"/>.</summary>
    protected virtual int CarryLength => 0;

    /// <summary>See <see cref="LearningPhase.Groups"/>.</summary>
    protected virtual IReadOnlyList<ParameterGroup> Groups => [];

    /// <summary>Names of what <see cref="Judge"/> adds up. Default: the loss.</summary>
    protected virtual IReadOnlyList<string> Judged => [Loss];

    /// <summary>The loss summed over the shard's samples (not their mean), whose number it adds to the pass's weight.</summary>
    protected abstract Tensor LossSum(TBatch batch, ShardPass pass);

    /// <summary>What a held-out batch adds to the sums. Default: the loss that it has.</summary>
    protected virtual void Judge(TBatch batch, ShardPass pass) => pass.Add(Loss, LossSum(batch, pass));

    /// <summary>What the totals of held-out data mean. Default: the mean of each sum.</summary>
    protected virtual void Report(Totals totals, Metrics metrics) => HeldOutPhase.ReportMeans(totals, metrics);

    /// <summary>For a phase that learns otherwise than the settings say: returns another in its place.</summary>
    protected virtual LearningPhase Train(LearningPhase<TBatch> phase) => phase;

    private IEnumerable<Phase> HeldOut(string name, Func<IBatches<TBatch>>? batches, bool inTraining)
    {
        if (batches is not null)
        {
            yield return new HeldOutPhase<TBatch>(name, batches, Judge) { Sums = Judged, CarryLength = CarryLength, Report = Report, InTraining = inTraining };
        }
    }
}

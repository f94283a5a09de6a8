using Granary.Torch.Networks;
using Granary.Training.Tasks;
using static TorchSharp.torch;

namespace Granary.Torch;

/// <summary>A learner with one network that learns from one loss, and may be measured on held-out data.</summary>
/// <typeparam name="TSettings">A record of its settings, with their defaults.</typeparam>
/// <typeparam name="TBatch">See <see cref="IBatches{TBatch}"/>.</typeparam>
public abstract class NetworkLearner<TSettings, TBatch>(LearnerContext context) : Learner<TSettings>(context)
    where TSettings : NetworkSettings, new()
    where TBatch : class
{
    /// <summary>The name of the sum that a network is judged by unless it says otherwise.</summary>
    protected const string Loss = Metrics.Loss;

    private IReadOnlyList<Phase>? phases;

    /// <inheritdoc/>
    public sealed override IReadOnlyList<(string Name, nn.Module Module)> Networks => ReferenceEquals(Network, Network) ? [("", Network)] : throw new UnfitNetworkException(
        $"{GetType().Name}.Network is another object at every call: what is trained would not be what the loss uses. Make it once: public override … Network {{ get; }} = ….");

    /// <inheritdoc/>
    public sealed override IReadOnlyList<Phase> Phases => phases ??=
    [
        Train(new("train", Settings, [Network], Training, LossSum) { CarryLength = CarryLength, Groups = Groups }),
        .. HeldOut("validation", Validation, inTraining: true),
        .. HeldOut("test", Test, inTraining: false),
    ];

    /// <summary>The loss of the validation if there is one, else that of the training steps.</summary>
    public override Measure Measure => Validation is null ? base.Measure : new("validation.loss", LowerIsBetter: true, Occasional: true);

    /// <summary>The network; the same object at every call.</summary>
    protected abstract nn.Module Network { get; }

    /// <summary>Makes the batches that it learns from.</summary>
    protected abstract Func<IBatches<TBatch>> Training { get; }

    /// <summary>Makes the batches that it is measured on during training, at every validation. Default: none.</summary>
    protected virtual Func<IBatches<TBatch>>? Validation => null;

    /// <summary>Makes the batches that it is measured on only in an evaluation. Default: none.</summary>
    protected virtual Func<IBatches<TBatch>>? Test => null;

    /// <summary>See <see cref="Phase.CarryLength"/>.</summary>
    protected virtual int CarryLength => 0;

    /// <summary>See <see cref="LearningPhase.Groups"/>.</summary>
    protected virtual IReadOnlyList<ParameterGroup> Groups => [];

    /// <summary>Names of what <see cref="Judge"/> adds up. Default: the loss.</summary>
    protected virtual IReadOnlyList<string> Judged => [Loss];

    /// <summary>The loss summed over the shard's samples (not their mean); adds the number of samples to the pass's weight.</summary>
    protected abstract Tensor LossSum(TBatch batch, ShardPass pass);

    /// <summary>What a held-out batch adds to the sums. Default: its loss.</summary>
    protected virtual void Judge(TBatch batch, ShardPass pass) => pass.Add(Loss, LossSum(batch, pass));

    /// <summary>What the totals of held-out data mean. Default: the mean of each sum.</summary>
    protected virtual void Report(Totals totals, Metrics metrics) => HeldOutPhase.ReportMeans(totals, metrics);

    /// <summary>For learning otherwise than the settings say: returns the phase to take in place of this one.</summary>
    protected virtual LearningPhase Train(LearningPhase<TBatch> phase) => phase;

    private IEnumerable<Phase> HeldOut(string name, Func<IBatches<TBatch>>? batches, bool inTraining)
    {
        if (batches is not null)
        {
            yield return new HeldOutPhase<TBatch>(name, batches, Judge) { Sums = Judged, CarryLength = CarryLength, Report = Report, InTraining = inTraining };
        }
    }
}

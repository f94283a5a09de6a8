using System.Collections.Frozen;
using Granary.Torch.Devices;
using Granary.Torch.Networks;
using Granary.Training.Tasks;
using static TorchSharp.torch;

namespace Granary.Torch;

/// <summary>
/// What the author of a model writes: its networks, its phases with their data and losses, and how good it is. An engine
/// trains it on any number of workers, with the same bits. A class of this kind carries a <see cref="LearnerAttribute"/> and has a public
/// constructor that takes a <see cref="LearnerContext"/>. For a model of one network there is <see cref="NetworkLearner{TSettings, TBatch}"/>.
/// </summary>
public abstract class Learner(LearnerContext context) : IDisposable
{
    private Func<IDisposable>? beginUse;
    private ReplicaDevice? device;
    private long? stepsPerEpoch;

    /// <summary>What it is made for.</summary>
    public LearnerContext Context { get; } = context;

    /// <summary>The run's spec.</summary>
    public TrainingSpec Spec => Context.Spec;

    /// <summary>The run's settings.</summary>
    public abstract NetworkSettings Settings { get; }

    /// <summary>
    /// Ordinary modules, each with the name to put before those of its tensors; a single network's may be empty. Owned by the engine.
    /// Parts whose parameters want no gradient are frozen: they stay as they are, in evaluation mode.
    /// </summary>
    public abstract IReadOnlyList<(string Name, nn.Module Module)> Networks { get; }

    /// <summary>What a step consists of, in order; and the held-out phases of an evaluation.</summary>
    public abstract IReadOnlyList<Phase> Phases { get; }

    /// <summary>What one unit of a pass's weight is: <c>tokens</c>, <c>images</c>. Default: <c>samples</c>.</summary>
    public virtual string Unit => "samples";

    /// <summary>The metric that says how good the model is; the best checkpoint goes by it. Default: the loss of the training steps.</summary>
    public virtual Measure Measure => new(Metrics.Loss, LowerIsBetter: true);

    /// <summary>Files that belong to the model besides its tensors, such as a vocabulary, by plain file name. They are in every checkpoint, and never change. Default: none.</summary>
    public virtual IReadOnlyDictionary<string, byte[]> Assets => FrozenDictionary<string, byte[]>.Empty;

    /// <summary>What the last held-out phases have found besides numbers, as text: what was taken for what, say. Default: nothing.</summary>
    public virtual string? Findings => null;

    /// <summary>Steps that go once through the data of the first phase that learns.</summary>
    public long StepsPerEpoch => stepsPerEpoch ??= Phases.OfType<LearningPhase>().First().Batches.StepsPerEpoch;

    /// <summary>Steps that the run shall have.</summary>
    public long TotalSteps => Spec.TotalSteps(StepsPerEpoch, Context.DefaultEpochs);

    /// <summary>Whether the held-out phases take place in this step: every <c>ValidateEvery</c> steps, or once an epoch, and in the last step.</summary>
    public bool IsValidated(long step) => (step + 1) % (Settings.ValidateEvery > 0 ? Settings.ValidateEvery : StepsPerEpoch) == 0 || step + 1 == TotalSteps;

    /// <summary>Initial values of a network, from a seed alone. Default: those that PyTorch gives, see <see cref="Initialization.Default"/>.</summary>
    public virtual void Initialize(nn.Module network, ulong seed) => Initialization.Default(network, seed);

    /// <summary>Whether <see cref="WriteSamples"/> is due after this step. Default: never.</summary>
    public virtual bool SamplesDue(long step) => false;

    /// <summary>
    /// Writes what the run shows besides numbers (pictures, text) into an existing folder. TensorBoard shows files that are named
    /// <c>step-00000500.png</c> or <c>.txt</c>, by the steps committed: <paramref name="step"/> and one.
    /// </summary>
    public virtual void WriteSamples(string folder, long step)
    {
    }

    /// <summary>Called when the engine has disposed the networks and the batches. Default: there is nothing else.</summary>
    public virtual void Dispose() => GC.SuppressFinalize(this);

    internal void Attach(ReplicaDevice place, Func<IDisposable> use) => (device, beginUse) = (place, use);

    /// <summary>
    /// For everything but training: the networks are in evaluation mode, where no layer drops anything or learns from its input, and
    /// there are no gradients; tensors made meanwhile are disposed at the end.
    /// </summary>
    protected internal T Use<T>(Func<T> use)
    {
        using var scope = NewDisposeScope();
        using var ended = beginUse?.Invoke() ?? throw TooEarly();
        return use();
    }

    /// <summary>
    /// Brings a tensor, or the tensors of a batch, to where the networks are: to a GPU, if they are on one. For what a learner makes by itself, for a
    /// prediction say; batches of training come by themselves.
    /// </summary>
    /// <returns>In the innermost scope; on the processor the very same.</returns>
    protected T Bring<T>(T made) where T : class => (T)DeviceBatch.Bring(made, device ?? throw TooEarly());

    private static InvalidOperationException TooEarly() => new("A learner can be used when the engine has its networks, not in its constructor.");
}

/// <inheritdoc/>
public abstract class Learner<TSettings>(LearnerContext context) : Learner(context) where TSettings : NetworkSettings, new()
{
    /// <inheritdoc/>
    public override TSettings Settings { get; } = TaskSettings.Bind<TSettings>(context.Spec);
}

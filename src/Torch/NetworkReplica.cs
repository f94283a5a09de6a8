using System.IO.Hashing;
using System.Runtime.InteropServices;
using Granary.Training.Frames;
using Granary.Training.Numerics;
using Granary.Training.Optimization;
using Granary.Training.Randomness;
using Granary.Training.Tasks;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Granary.Torch;

/// <summary>
/// A replica of one network trained on a summed loss, with or without validation at fixed steps. A task adds its
/// data, its loss and its measure. What a shard must remember between steps it reads from and writes to its carry.
/// </summary>
public abstract unsafe class NetworkReplica : ITrainingReplica
{
    private const int Train = 0, Weight = 0, LossSum = 1, ScalarCount = 2;
    private const string Updates = "updates";

    // Of the shards that this replica computes, the first and every so many-th are computed twice.
    private const int ProveEvery = 1024;
    private readonly NetworkSettings settings;
    private readonly nn.Module network;
    private readonly FlatParameters parameters;
    private readonly IOptimizer optimizer;
    private readonly NetworkBuffers buffers;
    private readonly NativeFloats carried;
    private readonly int carryLength;
    private readonly LaneRandom random = new(0);
    private readonly List<nn.Module> frozen;
    private readonly bool rounded;
    private long computed;

    /// <param name="network">Owned by the replica from now on; already initialized. Parts whose parameters want no gradient are frozen: they stay as they are, in evaluation mode.</param>
    /// <param name="carryLength">Floats that each shard carries from step to step. Default: none.</param>
    /// <param name="assets">See <see cref="ReplicaState.Assets"/>. Default: none.</param>
    /// <param name="forUse">It is not to be trained: what only training needs may be missing here.</param>
    /// <exception cref="UnfitNetworkException">A part of the network is not registered.</exception>
    /// <exception cref="TaskSettingException">This machine cannot do what the settings ask for.</exception>
    protected NetworkReplica(
        TrainingSpec spec, nn.Module network, NetworkSettings settings, int carryLength = 0, IReadOnlyDictionary<string, byte[]>? assets = null, bool forUse = false)
    {
        (Spec, this.settings) = (spec, settings);
        rounded = !forUse && Autocast.Resolve(settings.Autocast, lstm: network.modules().Prepend(network).Any(module => module is LSTM));
        this.network = network;
        this.carryLength = carryLength;
        ModuleRules.Check(network);
        ServedDropout.Attach(network, random);
        parameters = new(network);
        buffers = new(network);
        frozen = [.. network.modules().Where(module => module.parameters().ToList() is { Count: > 0 } parts && parts.TrueForAll(part => !part.requires_grad))];
        var choice = new OptimizerChoice(settings.Optimizer, settings.Momentum, settings.WeightDecay);
        // Before the optimizer's memory is touched: the state, its copy for a checkpoint, and the gradients.
        MemoryLimit.Check((2 * parameters.WholeLength + (2 * choice.Vectors + 1) * (long)parameters.Length) * sizeof(float));
        optimizer = choice.Create(parameters.Length);
        carried = new(carryLength * spec.Shards);
        List<StateTensor> training = [.. optimizer.Memory.Select(memory => new StateTensor(memory.Name, [parameters.Length], StateKind.Training, memory.Values.Pointer))];
        if (carryLength > 0)
        {
            training.Add(new("carry", [spec.Shards, carryLength], StateKind.Training, carried.Pointer));
        }
        State = new([.. parameters.State(), .. buffers.State(), .. training], assets);
        State.Scalars[Updates] = 0;
    }

    public virtual IReadOnlyList<string> Phases => ["train"];

    public abstract long StepsPerEpoch { get; }

    public abstract long TotalSteps { get; }

    public abstract string Unit { get; }

    public virtual Measure Measure => new("loss", LowerIsBetter: true);

    public ReplicaState State { get; }

    protected TrainingSpec Spec { get; }

    public virtual bool Happens(int phase, long step) => true;

    public Frame CreateFrame(int phase) =>
        phase == Train ? parameters.CreateFrame(carried.Length + buffers.Length, ScalarCount) : Frame.Allocate(0, ScalarCount);

    public void ComputeGradients(Coordinates at, Frame frame)
    {
        frame.Clear();
        using var scope = NewDisposeScope();
        if (at.Phase != Train)
        {
            var (sum, count) = Use(() => ValidationLoss(at));
            frame.Scalars[Weight] = (float)count;
            frame.Scalars[LossSum] = (float)sum;
            return;
        }
        ComputeShard(at, frame);
        if (computed++ % ProveEvery == 0)
        {
            Prove(at, frame);
        }
    }

    public void Apply(int phase, long step, Frame sum, Metrics metrics)
    {
        double weight = sum.Scalars[Weight], loss = sum.Scalars[LossSum] / weight;
        if (!double.IsFinite(loss))
        {
            throw new NonFiniteException("loss", Phases[phase], step);
        }
        if (phase != Train)
        {
            Validated(loss, metrics);
            return;
        }
        var learningRate = LearningRate(step);
        var (norm, scale) = GradientNorm.Clip(sum.Pointer, parameters.Length, weight, settings.Clip > 0 ? settings.Clip : double.PositiveInfinity, Phases[phase], step);
        // Not the step's number: a task may train in some steps only.
        optimizer.Update(parameters.Values, sum.Pointer, (long)++State.Scalars[Updates], (float)learningRate, scale);
        sum.Values.Slice(parameters.Length, carried.Length).CopyTo(carried.Span);
        buffers.Commit(sum.Values[(parameters.Length + carried.Length)..], weight);
        metrics[Metrics.Loss] = loss;
        metrics[Metrics.GradientNorm] = norm;
        metrics[Metrics.LearningRate] = learningRate;
        metrics[Metrics.Samples] = weight;
    }

    public Metrics Evaluate() => Use(Examine);

    public virtual bool SamplesDue(long step) => false;

    public virtual void WriteSamples(string folder, long step)
    {
    }

    public virtual void Dispose()
    {
        parameters.Dispose();
        buffers.Dispose();
        optimizer.Dispose();
        carried.Dispose();
        network.Dispose();
        GC.SuppressFinalize(this);
    }

    /// <summary>The task's own measures on held-out data, by a network that is used (<see cref="Use"/>).</summary>
    protected abstract Metrics Examine();

    /// <summary>
    /// For all but training: the network in evaluation mode, where no layer drops anything nor learns from its input, without
    /// gradients; tensors made meanwhile go at the end.
    /// </summary>
    protected T Use<T>(Func<T> use)
    {
        using var scope = NewDisposeScope();
        using var noGradient = torch.no_grad();
        network.eval();
        buffers.Restore(Made);
        return use();
    }

    /// <summary>The loss summed over the shard's samples (not their mean), and how many there are.</summary>
    /// <param name="random">For every random number of this shard; seeded already.</param>
    /// <param name="carry">What the shard remembered; zeros at first.</param>
    /// <param name="carryNext">Where to write what it shall remember.</param>
    protected abstract (Tensor LossSum, double Weight) Loss(Coordinates at, LaneRandom random, ReadOnlySpan<float> carry, Span<float> carryNext);

    /// <summary>For a second phase, <c>validate</c>: the shard's part of the validation loss, summed, and its weight.</summary>
    protected virtual (double LossSum, double Weight) ValidationLoss(Coordinates at) => throw new NotSupportedException();

    /// <summary>What follows from the mean validation loss, decided from state alone: metrics, the next learning rate.</summary>
    protected virtual void Validated(double loss, Metrics metrics) => throw new NotSupportedException();

    /// <summary>Of the step. Default: that of the settings, as their schedule has it.</summary>
    protected virtual double LearningRate(long step) => settings.LearningRate * Scheduled(step);

    /// <summary>What the schedule of the settings multiplies the rate with.</summary>
    protected double Scheduled(long step) => Schedule.Factor(settings.Schedule, settings.WarmUp, step, TotalSteps);

    private long Made => (long)State.Scalars[Updates];

    private void ComputeShard(Coordinates at, Frame frame)
    {
        network.train();
        foreach (var part in frozen)
        {
            part.eval();
        }
        buffers.Restore(Made);
        parameters.Bind(frame);
        random.Seed(StepRandom.Mix(Spec.Seed, (ulong)at.Step, (ulong)at.Phase, (ulong)at.Shard));
        var (loss, weight) = RoundedLoss(at, frame.Values.Slice(parameters.Length + at.Shard * carryLength, carryLength));
        if (weight > 0)
        {
            loss.backward();
            frame.Scalars[Weight] = (float)weight;
            frame.Scalars[LossSum] = loss.item<float>();
            buffers.Collect(frame.Values[(parameters.Length + carried.Length)..], weight);
        }
    }

    /// <summary>Computes the shard once more, and holds the results against each other.</summary>
    /// <exception cref="UnfitNetworkException">They differ.</exception>
    private void Prove(Coordinates at, Frame frame)
    {
        var first = DigestOf(frame);
        frame.Clear();
        ComputeShard(at, frame);
        if (DigestOf(frame) != first)
        {
            throw new UnfitNetworkException(
                $"Shard {at.Shard} of step {at.Step}, computed twice, gave two results: the bits would depend on more than the spec. Something draws from libtorch's global generator, as the dropout of "
                + "LSTM, GRU, MultiheadAttention and Transformer modules does, functional.dropout, a dropout module that is reached by forward() and not by call(), torch.rand and its kin; or the loss remembers "
                + "something. Use nn.Dropout modules by call(), the generator that the loss is handed, and the carry.");
        }
    }

    private static ulong DigestOf(Frame frame) => XxHash3.HashToUInt64(MemoryMarshal.AsBytes(frame.Dense));

    // Backward is not part of it: it follows the types that forward left.
    private (Tensor LossSum, double Weight) RoundedLoss(Coordinates at, Span<float> carry)
    {
        using var autocast = Autocast.Begin(rounded);
        return Loss(at, random, Carried(at.Shard), carry);
    }

    private ReadOnlySpan<float> Carried(int shard) => carried.Span.Slice(shard * carryLength, carryLength);
}

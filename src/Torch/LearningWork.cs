using System.IO.Hashing;
using System.Runtime.InteropServices;
using Granary.Torch.Networks;
using Granary.Torch.Runtime;
using Granary.Training.Frames;
using Granary.Training.Numerics;
using Granary.Training.Optimization;
using Granary.Training.Randomness;
using Granary.Training.Tasks;
using TorchSharp;
using static TorchSharp.torch;

namespace Granary.Torch;

/// <summary>
/// A phase that learns: <c>backward</c> puts gradients straight into the frame; behind them come what the shards carry and how far
/// they have moved the buffers. Then the optimizer takes the mean.
/// </summary>
internal sealed unsafe class LearningWork : PhaseWork, IDisposable
{
    // Of the shards that this replica computes, one in this many is computed twice, beginning with the first.
    private const int ProveEvery = 1024;
    private readonly LearningPhase phase;
    private readonly TrainingSpec spec;
    private readonly LearnedNetworks networks;
    private readonly BatchesAhead batches;
    private readonly IReadOnlyList<FlatParameter> parameters;
    private readonly List<Run> runs;
    private readonly long gradients;
    private readonly List<NetworkBuffers> buffers;
    private readonly IOptimizer optimizer;
    private readonly NativeFloats carried;
    private readonly ShardPass pass;
    private readonly List<string> names;
    private readonly bool rounded;
    private long computed;

    /// <param name="prefix">Put before the names of what it adds to the state.</param>
    public LearningWork(LearningPhase phase, Learner learner, LearnedNetworks networks, BatchesAhead batches, PreparedTensors prepared, LaneRandom random, bool rounded, string prefix)
    {
        (this.phase, spec, this.networks, this.batches, this.rounded) = (phase, learner.Spec, networks, batches, rounded);
        Networks = networks.NumbersOf(phase);
        parameters = networks.Parameters.Learning(Networks);
        gradients = parameters.Sum(parameter => parameter.Room);
        runs = [.. RunsOf(phase, parameters)];
        buffers = [.. Networks.Select(networks.BuffersOf)];
        optimizer = phase.Optimizer.Create(gradients);
        carried = new((long)phase.CarryLength * spec.Shards);
        names = [Metrics.Loss, .. phase.Sums];
        pass = new(names, random, prepared);
        Updates = $"{prefix}updates";
        State = [.. optimizer.Memory.Select(memory => new StateTensor(prefix + memory.Name, [gradients], StateKind.Training, memory.Values.Pointer)), .. CarryState(prefix)];
    }

    /// <summary>The numbers of the networks that learn.</summary>
    public int[] Networks { get; }

    /// <summary>The scalar that counts the phase's updates: it may take place in some steps only.</summary>
    public string Updates { get; }

    public override IReadOnlyList<StateTensor> State { get; }

    /// <summary>Bytes that the phase takes besides the model: gradients, the optimizer's memory and its copy for a checkpoint.</summary>
    public static long MemoryBytes(LearningPhase phase, long learning) => (2 * phase.Optimizer.Vectors + 1) * learning * sizeof(float);

    public override Frame CreateFrame() =>
        FlatParameters.CreateFrame(parameters, carried.Length + buffers.Sum(part => (long)part.Length), Totals.Slots(names));

    public override void Compute(Coordinates at, Frame frame, Coordinates? next)
    {
        using var scope = NewDisposeScope();
        if (batches.Take(at, next, scope) is not { } batch)
        {
            return;
        }
        ComputeShard(at, frame, batch, scope);
        if (computed++ % ProveEvery == 0)
        {
            Prove(at, frame, scope);
        }
    }

    /// <param name="rateScale">Multiplies the learning rate.</param>
    /// <param name="state">Holds the count of updates.</param>
    /// <param name="suffix">Put behind the names of what every phase measures; empty: there is only one phase.</param>
    public void Apply(long step, long totalSteps, double rateScale, Frame sum, SortedDictionary<string, double> state, Metrics metrics, string suffix)
    {
        var totals = pass.TotalsOf(phase.Name, sum.Scalars);
        if (totals.Weight == 0)
        {
            throw new TrainingDataException($"No shard has a sample in phase '{phase.Name}' of step {step}. Does the loss add the number of its samples to pass.Weight?");
        }
        totals.CheckFinite(step);
        var rate = phase.LearningRate * rateScale * Schedule.Factor(phase.Schedule, phase.WarmUp, step, totalSteps);
        var (norm, scale) = GradientNorm.Clip(sum.Pointer, gradients, totals.Weight, phase.Clip > 0 ? phase.Clip : double.PositiveInfinity, phase.Name, step);
        var update = (long)++state[Updates];
        foreach (var run in runs)
        {
            optimizer.Update(run.At, run.Length, networks.Parameters.Values + run.Start, sum.Pointer + run.At, new(update, (float)(rate * run.RateFactor), scale, (float)run.WeightDecay));
        }
        sum.Part(gradients, carried.Length).CopyTo(carried.Span);
        var place = gradients + carried.Length;
        foreach (var part in buffers)
        {
            part.Commit(sum.Part(place, part.Length), totals.Weight);
            place += part.Length;
        }
        metrics[Metrics.Loss] = totals.Mean(Metrics.Loss);
        if (suffix.Length > 0)
        {
            metrics[Metrics.Loss + suffix] = totals.Mean(Metrics.Loss);
        }
        metrics[Metrics.GradientNorm + suffix] = norm;
        metrics[Metrics.LearningRate] = rate;
        metrics[Metrics.Samples] = totals.Weight;
        foreach (var name in phase.Sums)
        {
            metrics[name] = totals.Mean(name);
        }
    }

    public void Dispose()
    {
        optimizer.Dispose();
        carried.Dispose();
        pass.Dispose();
    }

    private void ComputeShard(Coordinates at, Frame frame, object batch, DisposeScope scope)
    {
        networks.Learn(Networks);
        networks.Parameters.Bind(frame);
        pass.Begin(at.Step, at.Shard, StepRandom.Mix(spec.Seed, (ulong)at.Step, (ulong)at.Phase, (ulong)at.Shard), scope);
        var carry = (long)at.Shard * phase.CarryLength;
        pass.CarryBetween(carried.Pointer + carry, frame.Pointer + gradients + carry, phase.CarryLength);
        var loss = RoundedLoss(batch);
        if (pass.Weight > 0)
        {
            loss.backward();
            pass.Add(Metrics.Loss, loss.item<float>());
            Totals.Write(pass, frame.Scalars);
            var place = gradients + carried.Length;
            foreach (var part in buffers)
            {
                part.Collect(frame.Part(place, part.Length), pass.Weight);
                place += part.Length;
            }
        }
    }

    // Autocast does not cover backward, which follows the types that forward left.
    private Tensor RoundedLoss(object batch)
    {
        using var autocast = Autocast.Begin(rounded);
        return phase.LossOf(batch, pass);
    }

    /// <summary>Computes the shard once more, with its batch made anew, and compares the results.</summary>
    /// <exception cref="UnfitNetworkException">They differ.</exception>
    private void Prove(Coordinates at, Frame frame, DisposeScope scope)
    {
        var first = DigestOf(frame);
        frame.Clear();
        ComputeShard(at, frame, batches.Make(at)!, scope);
        if (DigestOf(frame) != first)
        {
            throw new UnfitNetworkException(
                $"Shard {at.Shard} of step {at.Step}, computed twice, gave two results: the bits would depend on more than the spec. Something draws from libtorch's global generator, as the dropout of "
                + "LSTM, GRU, MultiheadAttention and Transformer modules does, functional.dropout, a dropout module that is reached by forward() and not by call(), torch.rand and its kin; or the loss or the batches "
                + "remember something. Use nn.Dropout modules by call(), the random numbers and the carry of the pass, and batches that depend on step and shard alone.");
        }
    }

    private static ulong DigestOf(Frame frame)
    {
        const int Piece = 1 << 20;
        var hash = new XxHash3();
        for (var start = 0L; start < frame.Size; start += Piece)
        {
            hash.Append(MemoryMarshal.AsBytes(frame.Part(start, Math.Min(Piece, frame.Size - start))));
        }
        return hash.GetCurrentHashAsUInt64();
    }

    private IEnumerable<StateTensor> CarryState(string prefix) => carried.Length > 0
        ? [new($"{prefix}carry", [spec.Shards, phase.CarryLength], StateKind.Training, carried.Pointer)]
        : [];

    /// <summary>Joins consecutive parameters that learn alike into runs.</summary>
    private static IEnumerable<Run> RunsOf(LearningPhase phase, IReadOnlyList<FlatParameter> parameters)
    {
        Run? open = null;
        var at = 0L;
        foreach (var parameter in parameters)
        {
            var group = phase.Groups.FirstOrDefault(group => group.Has(parameter.Name));
            var next = new Run(parameter.Start, at, parameter.Room, group?.RateFactor ?? 1, group?.WeightDecay ?? phase.WeightDecay);
            at += parameter.Room;
            if (open is { } run && run with { Start = next.Start, At = next.At, Length = next.Length } == next && run.Start + run.Length == next.Start)
            {
                open = run with { Length = run.Length + next.Length };
                continue;
            }
            if (open is { } ended)
            {
                yield return ended;
            }
            open = next;
        }
        if (open is { } last)
        {
            yield return last;
        }
    }

    /// <param name="Start">Floats of the flat tensor before it.</param>
    /// <param name="At">Floats of the phase's gradients before it.</param>
    private readonly record struct Run(long Start, long At, long Length, double RateFactor, double WeightDecay);
}

using System.IO.Hashing;
using System.Runtime.InteropServices;
using Granary.Torch.Devices;
using Granary.Torch.Devices.Nccl;
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
/// they have moved the buffers. Then the optimizer takes the mean. On a device nobody waits for a shard, and once for a step.
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
    private readonly long gradients, carriedLength, frameLength;
    private readonly List<(NetworkBuffers Part, long Start)> buffers = [];
    private readonly ReplicaDevice device;
    private readonly IParameterUpdates optimizer;
    private readonly DeviceFloats carried;
    private readonly ShardPass pass;
    private readonly List<string> names;
    private readonly bool rounded;
    private long computed;

    // That of a frame of this phase: between the sum and the next shard nobody needs it.
    private FrameMemory? spare;

    /// <param name="prefix">Put before the names of what it adds to the state.</param>
    public LearningWork(LearningPhase phase, Learner learner, LearnedNetworks networks, BatchesAhead batches, PreparedTensors prepared, ReplicaDevice device, PassRandom random, bool rounded, string prefix)
    {
        (this.phase, spec, this.networks, this.batches, this.device, this.rounded) = (phase, learner.Spec, networks, batches, device, rounded);
        Networks = networks.NumbersOf(phase);
        parameters = networks.Parameters.Learning(Networks);
        gradients = parameters.Sum(parameter => parameter.Room);
        runs = [.. RunsOf(phase, parameters)];
        optimizer = device.IsHost ? new HostUpdates(phase.Optimizer, gradients, prefix) : new DeviceUpdates(phase.Optimizer, gradients, prefix, device);
        carriedLength = (long)phase.CarryLength * spec.Shards;
        carried = new(device, carriedLength);
        frameLength = gradients + carriedLength;
        foreach (var part in Networks.Select(networks.BuffersOf).Where(part => part.Length > 0))
        {
            buffers.Add((part, frameLength));
            frameLength += part.Length;
        }
        names = [Metrics.Loss, .. phase.Sums];
        pass = new(names, device, random, prepared);
        Updates = $"{prefix}updates";
        State = [.. optimizer.State, .. CarryState(prefix)];
    }

    /// <summary>The numbers of the networks that learn.</summary>
    public int[] Networks { get; }

    /// <summary>The scalar that counts the phase's updates: it may take place in some steps only.</summary>
    public string Updates { get; }

    public override IReadOnlyList<StateTensor> State { get; }

    public override IReadOnlyList<DeviceFloats> Mirrored => [.. optimizer.Mirrored, carried];

    public override Frame CreateFrame()
    {
        var frame = networks.Parameters.CreateFrame(parameters, frameLength - gradients, Totals.Slots(names), NcclSum.MostRoom(spec.Shards));
        spare = MemoryOf(frame);
        return frame;
    }

    public override void Compute(Coordinates at, Frame frame, Coordinates? next)
    {
        using var scope = NewDisposeScope();
        spare = MemoryOf(frame);
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
        using var scope = NewDisposeScope();
        var brought = Bring(sum);
        var fetched = device.IsHost ? ((float[] Scalars, double Squares)?)null : Fetch(brought);
        var totals = pass.TotalsOf(phase.Name, fetched is null ? sum.Scalars : fetched.Value.Scalars);
        if (totals.Weight == 0)
        {
            throw new TrainingDataException($"No shard has a sample in phase '{phase.Name}' of step {step}. Does the loss add the number of its samples to pass.Weight?");
        }
        totals.CheckFinite(step);
        var rate = phase.LearningRate * rateScale * Schedule.Factor(phase.Schedule, phase.WarmUp, step, totalSteps);
        var squares = fetched?.Squares ?? VectorMath.SumOfSquares(sum.Pointer, gradients);
        var (norm, scale) = GradientNorm.Clip(squares, totals.Weight, phase.Clip > 0 ? phase.Clip : double.PositiveInfinity, phase.Name, step);
        var update = (long)++state[Updates];
        foreach (var run in runs)
        {
            var learning = networks.Parameters.Values.Tensor.narrow(0, run.Start, run.Length);
            optimizer.Update(run.At, learning, brought.Part(run.At, run.Length), new(update, (float)(rate * run.RateFactor), scale, (float)run.WeightDecay));
        }
        if (carriedLength > 0)
        {
            carried.Tensor.copy_(brought.Part(gradients, carriedLength));
        }
        foreach (var (part, start) in buffers)
        {
            part.Commit(brought.Part(start, part.Length), totals.Weight);
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
        var memory = MemoryOf(frame);
        pass.Begin(at.Step, at.Shard, StepRandom.Mix(spec.Seed, (ulong)at.Step, (ulong)at.Phase, (ulong)at.Shard), scope);
        if (phase.CarryLength > 0)
        {
            var carry = (long)at.Shard * phase.CarryLength;
            pass.CarryBetween(carried.Tensor.narrow(0, carry, phase.CarryLength), memory.Part(gradients + carry, phase.CarryLength));
        }
        var loss = RoundedLoss(batch);
        if (pass.Weight > 0)
        {
            loss.backward();
            pass.Add(Metrics.Loss, loss);
            if (device.IsHost)
            {
                Totals.Write(pass, frame.Scalars);
            }
            else
            {
                pass.Sums.Write(pass.Weight, memory.Scalars());
            }
            foreach (var (part, start) in buffers)
            {
                part.Collect(memory.Part(start, part.Length), pass.Weight);
            }
        }
    }

    /// <summary>The scalars of a sum and the sum of the squares of its gradients: the only thing that a step waits for.</summary>
    private (float[] Scalars, double Squares) Fetch(FrameMemory brought)
    {
        using var outside = no_grad();
        var squares = zeros(1, dtype: float64, device: device.Place);
        for (var start = 0L; start < gradients; start += DeviceUpdates.AtATime)
        {
            using var some = NewDisposeScope();
            squares.add_(brought.Part(start, Math.Min(DeviceUpdates.AtATime, gradients - start)).to(float64).square().sum());
        }
        var found = device.Fetch(cat([brought.Scalars().to(float64), squares])).data<double>().ToArray();
        return ([.. found[..^1].Select(scalar => (float)scalar)], found[^1]);
    }

    private static FrameMemory MemoryOf(Frame frame) => (FrameMemory)frame.Owner!;

    /// <summary>A sum over all shards where the parameters are: in its own memory, or in memory to spare if it comes from the host's.</summary>
    private FrameMemory Bring(Frame sum)
    {
        if (device.IsHost || !sum.IsOnHost)
        {
            return MemoryOf(sum);
        }
        spare!.BeginToDevice(MemoryOf(sum));
        return spare;
    }

    // Autocast does not cover backward, which follows the types that forward left.
    private Tensor RoundedLoss(object batch)
    {
        using var autocast = Autocast.Begin(rounded, device.Place.type);
        return phase.LossOf(batch, pass);
    }

    /// <summary>Computes the shard once more, with its batch made anew, and compares the results.</summary>
    /// <exception cref="UnfitNetworkException">They differ.</exception>
    private void Prove(Coordinates at, Frame frame, DisposeScope scope)
    {
        frame.ToHost();
        var first = DigestOf(frame);
        frame.Clear();
        ComputeShard(at, frame, batches.Make(at)!, scope);
        frame.ToHost();
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

    private IEnumerable<StateTensor> CarryState(string prefix) => carriedLength > 0
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

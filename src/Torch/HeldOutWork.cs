using Granary.Torch.Devices;
using Granary.Training.Frames;
using Granary.Training.Randomness;
using Granary.Training.Tasks;
using static TorchSharp.torch;

namespace Granary.Torch;

/// <summary>A phase that measures: a shard's batches one after the other, summed into one frame.</summary>
internal sealed class HeldOutWork(HeldOutPhase phase, ulong seed, LearnedNetworks networks, BatchesAhead batches, ReplicaDevice device, PassRandom random) : PhaseWork, IDisposable
{
    private readonly ShardPass pass = new(phase.Sums, device, random);
    private readonly Tensor before = device.Allocate(phase.CarryLength), after = device.Allocate(phase.CarryLength);

    public override Frame CreateFrame() => Frame.Allocate(0, Totals.Slots(phase.Sums));

    /// <param name="at">The step does not matter.</param>
    public override void Compute(Coordinates at, Frame frame, Coordinates? next)
    {
        using var noGradient = no_grad();
        networks.Use();
        using var whole = NewDisposeScope();
        after.zero_();
        pass.Begin(0, at.Shard, seed, whole);
        var count = phase.Batches.StepsPerEpoch;
        for (var number = 0L; number < count; number++)
        {
            using var scope = NewDisposeScope();
            if (batches.Take(at with { Step = number }, number + 1 < count ? at with { Step = number + 1 } : next, scope) is { } batch)
            {
                before.copy_(after);
                after.zero_();
                pass.GoOn(number, StepRandom.Mix(seed, (ulong)number, (ulong)at.Phase, (ulong)at.Shard));
                pass.CarryBetween(before, after);
                phase.Judge(batch, pass);
            }
        }
        Totals.Write(pass, frame.Scalars);
    }

    /// <exception cref="NonFiniteException">It is no number.</exception>
    public void Report(long step, Frame sum, Metrics metrics)
    {
        var totals = pass.TotalsOf(phase.Name, sum.Scalars);
        if (totals.Weight == 0)
        {
            throw new TrainingDataException($"There is nothing to measure on in phase '{phase.Name}'. Give data that hold more; and does Judge add the number of its samples to pass.Weight?");
        }
        totals.CheckFinite(step);
        phase.Report(totals, metrics);
    }

    public void Dispose()
    {
        pass.Dispose();
        before.Dispose();
        after.Dispose();
    }
}

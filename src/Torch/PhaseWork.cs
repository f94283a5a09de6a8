using Granary.Torch.Devices;
using Granary.Training.Frames;
using Granary.Training.Tasks;

namespace Granary.Torch;

/// <summary>What the engine does for one phase of a learner.</summary>
internal abstract class PhaseWork
{
    /// <summary>What the state of the replica holds for it.</summary>
    public virtual IReadOnlyList<StateTensor> State => [];

    /// <summary>What of that is a copy of the device's.</summary>
    public virtual IReadOnlyList<DeviceFloats> Mirrored => [];

    public abstract Frame CreateFrame();

    /// <summary>Computes a shard into a frame that is clear.</summary>
    /// <param name="next">Which batch is asked for after those of this shard, if that is known.</param>
    public abstract void Compute(Coordinates at, Frame frame, Coordinates? next);
}

using Granary.Torch.Runtime;
using Granary.Training.Frames;
using static TorchSharp.torch;

namespace Granary.Torch.Devices;

/// <summary>What a frame lies in: one tensor, on the device or the host's; of a device, values and scalars, with room in the host's memory for a copy.</summary>
internal class FrameMemory : IDeviceValues, IDisposable
{
    private readonly ReplicaDevice device;
    private readonly long values;
    private readonly int scalars;
    private readonly Tensor onHost, copied;

    public FrameMemory(ReplicaDevice device, long values, int scalars)
    {
        (this.device, this.values, this.scalars) = (device, values, scalars);
        var size = Frame.SizeOf(values, scalars);
        onHost = device.IsHost ? device.Allocate(size) : device.AllocateOnHost(size);
        Flat = device.IsHost ? onHost : device.Allocate(values + scalars);
        copied = onHost.narrow(0, 0, values + scalars).DetachFromDisposeScope();
    }

    /// <summary>Values and scalars, where they are computed; on the host what else a frame has lies behind.</summary>
    public Tensor Flat { get; }

    /// <summary>Some of the values, in the innermost scope.</summary>
    public Tensor Part(long start, long length) => Flat.narrow(0, start, length);

    /// <summary>The scalars, in the innermost scope.</summary>
    public Tensor Scalars() => Part(values, scalars);

    public unsafe Frame CreateFrame() => new(onHost.Floats(), values, scalars, owner: this, device: device.IsHost ? null : this);

    public void Clear()
    {
        using var scope = NewDisposeScope();
        Flat.zero_();
    }

    public void Add(IDeviceValues right)
    {
        using var scope = NewDisposeScope();
        using var outside = no_grad();
        Flat.add_(((FrameMemory)right).Flat);
    }

    public void BeginToHost() => device.Copy(Flat, copied);

    public void EndToHost() => device.Synchronize();

    /// <summary>Begins to take over what the host's memory of a frame holds.</summary>
    public void BeginToDevice(FrameMemory from) => device.Copy(from.copied, Flat);

    public virtual void Dispose()
    {
        Flat.Dispose();
        onHost.Dispose();
        copied.Dispose();
    }
}

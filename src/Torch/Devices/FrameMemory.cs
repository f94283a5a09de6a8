using Granary.Torch.Runtime;
using Granary.Training.Frames;
using static TorchSharp.torch;

namespace Granary.Torch.Devices;

/// <summary>
/// What a frame lies in: one tensor, on the device or the host's. Of a device's, the host has room for a copy, and its tail (the ledger and the control slot); the device
/// has room for the tail, and some floats behind, for an exchange between devices.
/// </summary>
internal class FrameMemory : IDeviceValues, IDisposable
{
    private readonly ReplicaDevice device;
    private readonly long values;
    private readonly int scalars;
    private readonly Tensor whole, onHost, copied;
    private bool isUnderWay;

    /// <param name="room">Floats behind the frame, on a device.</param>
    public FrameMemory(ReplicaDevice device, long values, int scalars, long room)
    {
        (this.device, this.values, this.scalars) = (device, values, scalars);
        Length = Frame.SizeOf(values, scalars);
        onHost = device.IsHost ? device.Allocate(Length) : device.AllocateOnHost(Length);
        whole = device.IsHost ? onHost : device.Allocate(Length + room);
        Flat = whole.narrow(0, 0, values + scalars).DetachFromDisposeScope();
        copied = onHost.narrow(0, 0, values + scalars).DetachFromDisposeScope();
    }

    /// <summary>Floats of the frame.</summary>
    public long Length { get; }

    /// <summary>Values and scalars, where they are computed.</summary>
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

    public void BeginToHost()
    {
        using var here = device.Enter();
        device.CopyAside(Flat, copied);
        isUnderWay = true;
    }

    public void EndToHost()
    {
        device.Synchronize();
        isUnderWay = false;
    }

    /// <summary>The frame and some of what lies behind it, on the device, in the innermost scope.</summary>
    public Tensor Padded(long floats) => whole.narrow(0, 0, floats);

    /// <summary>Brings the tail to the device.</summary>
    public void TailToDevice() => device.Copy(Tail(onHost), Tail(whole));

    /// <summary>Brings the tail back, and waits for it.</summary>
    public void TailToHost()
    {
        device.Copy(Tail(whole), Tail(onHost));
        device.Synchronize();
    }

    /// <summary>Begins to take over what the host's memory of a frame holds.</summary>
    public void BeginToDevice(FrameMemory from) => device.Copy(from.copied, Flat);

    public virtual void Dispose()
    {
        if (isUnderWay)
        {
            device.Synchronize();
        }
        Flat.Dispose();
        copied.Dispose();
        onHost.Dispose();
        whole.Dispose();
    }

    private Tensor Tail(Tensor of) => of.narrow(0, values + scalars, Length - values - scalars);
}

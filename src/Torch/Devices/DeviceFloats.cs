using Granary.Torch.Runtime;
using static TorchSharp.torch;

namespace Granary.Torch.Devices;

/// <summary>Floats of a replica's state: on its device, and in the host's memory for whoever reads or writes the state. On the host the two are one.</summary>
internal sealed unsafe class DeviceFloats : IDisposable
{
    private readonly ReplicaDevice device;
    private readonly Tensor onHost;

    /// <summary>So many zeros.</summary>
    public DeviceFloats(ReplicaDevice device, long length)
    {
        (this.device, Tensor) = (device, device.Allocate(length));
        onHost = device.IsHost ? Tensor : device.AllocateOnHost(length);
        Pointer = onHost.Floats();
    }

    /// <summary>On the device.</summary>
    public Tensor Tensor { get; }

    /// <summary>In the host's memory.</summary>
    public float* Pointer { get; }

    /// <summary>Begins to bring the host's up to date; see <see cref="ReplicaDevice.Synchronize"/>.</summary>
    public void BeginToHost() => Copy(Tensor, onHost);

    /// <summary>Begins to bring the device's up to date.</summary>
    public void BeginToDevice() => Copy(onHost, Tensor);

    public void Dispose()
    {
        Tensor.Dispose();
        onHost.Dispose();
    }

    private void Copy(Tensor from, Tensor into)
    {
        if (!device.IsHost && from.numel() > 0)
        {
            device.Copy(from, into);
        }
    }
}

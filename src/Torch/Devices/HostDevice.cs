using Granary.Training.Tasks;
using static TorchSharp.torch;

namespace Granary.Torch.Devices;

/// <summary>The processor and its memory.</summary>
internal sealed class HostDevice : ReplicaDevice
{
    private HostDevice()
    {
    }

    public static HostDevice Only { get; } = new();

    public override string Name => DeviceName.Cpu;

    public override bool IsHost => true;

    public override void Synchronize()
    {
    }

    public override Tensor Bring(Tensor tensor) => tensor;

    public override Tensor Fetch(Tensor tensor) => tensor;
}

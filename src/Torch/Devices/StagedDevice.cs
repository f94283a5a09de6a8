using Granary.Training;
using Granary.Training.Tasks;
using static TorchSharp.torch;

namespace Granary.Torch.Devices;

/// <summary>
/// The processor as a device whose memory is not the host's: what a GPU does with a replica, step for step, where there is none. Its bits are
/// its own: as on a GPU, nothing is computed by hand.
/// </summary>
internal class StagedDevice : ReplicaDevice
{
    public override string Name => DeviceName.Staged;

    // A stand-in for it, which has to be named.
    public override bool UsesNccl => EnvironmentVariable.Read(EnvironmentVariable.Nccl) is not null;

    public override void Synchronize()
    {
    }

    public override Tensor Bring(Tensor tensor) => tensor.clone();

    public override Tensor Fetch(Tensor tensor) => tensor.clone();
}

using Granary.Torch.Devices;
using static TorchSharp.torch;

namespace Granary.Models.Tests.Devices;

/// <summary>Notes what is copied and waited for, in order.</summary>
internal sealed class RecordingDevice : StagedDevice
{
    private readonly HashSet<nint> ofHost = [];

    public List<string> Events { get; } = [];

    public override Tensor AllocateOnHost(long floats)
    {
        var memory = base.AllocateOnHost(floats);
        ofHost.Add(memory.storage<float>().data_ptr());
        return memory;
    }

    public override void Copy(Tensor from, Tensor into)
    {
        Events.Add(ofHost.Contains(into.storage<float>().data_ptr()) ? "to host" : "to device");
        base.Copy(from, into);
    }

    public override Tensor Bring(Tensor tensor)
    {
        Events.Add("bring");
        return base.Bring(tensor);
    }

    public override Tensor Fetch(Tensor tensor)
    {
        Events.Add("fetch");
        return base.Fetch(tensor);
    }

    public override void Synchronize() => Events.Add("wait");
}

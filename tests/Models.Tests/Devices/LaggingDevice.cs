using Granary.Torch.Devices;
using static TorchSharp.torch;

namespace Granary.Models.Tests.Devices;

/// <summary>Copies to the host only when it is waited for, and has no number there until then: whoever does not wait is found out.</summary>
internal sealed class LaggingDevice : StagedDevice
{
    private readonly List<(Tensor From, Tensor Into)> under = [];
    private readonly HashSet<nint> ofHost = [];

    public override Tensor AllocateOnHost(long floats)
    {
        var memory = base.AllocateOnHost(floats);
        ofHost.Add(memory.storage<float>().data_ptr());
        return memory;
    }

    public override void Copy(Tensor from, Tensor into)
    {
        if (!ofHost.Contains(into.storage<float>().data_ptr()))
        {
            Do();
            base.Copy(from, into);
            return;
        }
        under.Add((from.clone().DetachFromDisposeScope(), into.alias().DetachFromDisposeScope()));
        using var outside = no_grad();
        into.fill_(float.NaN);
    }

    public override void Synchronize() => Do();

    public override Tensor Fetch(Tensor tensor)
    {
        Do();
        return base.Fetch(tensor);
    }

    private void Do()
    {
        foreach (var (from, into) in under)
        {
            base.Copy(from, into);
            from.Dispose();
            into.Dispose();
        }
        under.Clear();
    }
}

using Granary.Torch.Devices;
using Granary.Training.Frames;
using static TorchSharp.torch;

namespace Granary.Torch;

/// <summary>
/// What a pass adds up, by place. Numbers that a device computes are added up there, so that nobody waits for them; there they also
/// become the scalars of a frame.
/// </summary>
internal sealed class PassSums : IDisposable
{
    private readonly ReplicaDevice device;
    private readonly double[] onHost;
    private readonly Tensor? onDevice, units;

    /// <param name="count">How many sums there are.</param>
    public PassSums(int count, ReplicaDevice device)
    {
        (this.device, onHost) = (device, new double[count]);
        if (!device.IsHost)
        {
            using var scope = NewDisposeScope();
            onDevice = zeros(count, dtype: float64, device: device.Place).DetachFromDisposeScope();
            units = device.Bring(tensor([.. Enumerable.Range(0, ExactSum.Digits).Select(ExactSum.Unit)])).DetachFromDisposeScope();
        }
    }

    public void Clear()
    {
        Array.Clear(onHost);
        using var scope = NewDisposeScope();
        onDevice?.zero_();
    }

    public void Add(int place, double value) => onHost[place] += value;

    /// <param name="value">A tensor of one number.</param>
    public void Add(int place, Tensor value)
    {
        using var scope = NewDisposeScope();
        using var outside = no_grad();
        var number = value.to(float64);
        if (onDevice is null)
        {
            Add(place, number.item<double>());
            return;
        }
        onDevice.narrow(0, place, 1).add_((value.device_type == onDevice.device_type ? number : device.Bring(number)).view(1));
    }

    /// <summary>The sums; what a device computes is waited for.</summary>
    public ReadOnlySpan<double> ToHost()
    {
        if (onDevice is null)
        {
            return onHost;
        }
        using var scope = NewDisposeScope();
        var fetched = device.Fetch(onDevice).data<double>();
        return onHost.Select((value, place) => value + fetched[place]).ToArray();
    }

    /// <summary>The same as <see cref="Totals.Write(ShardPass, Span{float})"/> on the device: <see cref="ExactSum"/> of the weight and of each sum, digit by digit.</summary>
    public void Write(long weight, Tensor into)
    {
        using var scope = NewDisposeScope();
        using var outside = no_grad();
        var values = zeros(1 + onHost.Length, dtype: float64, device: device.Place);
        var sums = values.narrow(0, 1, onHost.Length).copy_(onDevice!);
        values.narrow(0, 0, 1).fill_(weight);
        // As arguments of kernels: a tensor of the host's would be waited for.
        for (var place = 0; place < onHost.Length; place++)
        {
            if (onHost[place] != 0)
            {
                sums.narrow(0, place, 1).add_(onHost[place]);
            }
        }
        var whole = values.trunc();
        var counts = whole.unsqueeze(1).div(units!).trunc();
        var higher = cat([counts.narrow(1, 1, ExactSum.Digits - 1), zeros(values.numel(), 1, dtype: float64, device: device.Place)], 1);
        into.view(values.numel(), ExactSum.Slots).copy_(cat([counts - higher * ExactSum.Unit(1), (values - whole).unsqueeze(1)], 1));
    }

    public void Dispose()
    {
        onDevice?.Dispose();
        units?.Dispose();
    }
}

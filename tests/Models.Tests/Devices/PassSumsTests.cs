using Granary.Torch;
using Granary.Torch.Devices;
using Granary.Training.Frames;
using static TorchSharp.torch;

namespace Granary.Models.Tests.Devices;

public class PassSumsTests
{
    [Fact]
    public void Scalars_WrittenOnADevice_AreThoseOfTheHost()
    {
        double[] values = [0, 1, -1, 0.5, -2.75, 1e-9, 4095, 4096, 4097.125, 1 << 24, (1L << 47) - 1, -(1L << 47) + 1, 123_456_789.123456789, 1e17, -3e20];
        using var scope = NewDisposeScope();
        using var onDevice = new PassSums(values.Length, new StagedDevice());
        for (var place = 0; place < values.Length; place++)
        {
            // Part of each is known on the host, part is a tensor.
            onDevice.Add(place, values[place] / 2);
            onDevice.Add(place, tensor(values[place] / 2));
        }
        Assert.Equal(values, onDevice.ToHost().ToArray());
        var scalars = zeros((values.Length + 1) * ExactSum.Slots);
        onDevice.Write(1234, scalars);
        var expected = new float[scalars.numel()];
        foreach (var (place, value) in values.Prepend(1234).Index())
        {
            ExactSum.Write(value, expected.AsSpan(place * ExactSum.Slots));
        }
        Assert.Equal(expected, scalars.data<float>().ToArray());
        onDevice.Clear();
        Assert.All(onDevice.ToHost().ToArray(), value => Assert.Equal(0, value));
    }
}

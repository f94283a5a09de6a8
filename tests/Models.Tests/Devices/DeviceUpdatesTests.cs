using Granary.Torch;
using Granary.Torch.Devices;
using Granary.Torch.Runtime;
using Granary.Training.Optimization;
using static TorchSharp.torch;

namespace Granary.Models.Tests.Devices;

public class DeviceUpdatesTests
{
    private const int Length = 100_003;

    public static TheoryData<OptimizerChoice, float> Optimizers =>
        new()
        {
            { new("adam"), 0 },
            { new("adam", Beta1: 0.5, Beta2: 0.99), 0.01f },
            { new("adamw"), 0.1f },
            { new("sgd"), 0.01f },
            { new("sgd", Momentum: 0.9), 0 },
            { new("sgd", Momentum: 0.9, Nesterov: true), 0.01f },
        };

    // Gradients down to numbers that are denormal; two runs of parameters, so that the memory has places.
    [Theory]
    [MemberData(nameof(Optimizers))]
    public unsafe void Updates_OnADevice_HaveTheBitsOfTheHosts(OptimizerChoice choice, float weightDecay)
    {
        _ = TorchRuntime.Switches;
        using var scope = NewDisposeScope();
        using var random = new Generator(3);
        var onHost = randn(Length, generator: random);
        var onDevice = onHost.clone();
        using var host = new HostUpdates(choice, Length, "");
        using var device = new DeviceUpdates(choice, Length, "", new StagedDevice());
        for (var step = 1; step <= 50; step++)
        {
            var gradients = randn(Length, generator: random) * MathF.Pow(10, -(step % 40));
            foreach (var (start, length) in new[] { (0L, 70_000L), (70_000, Length - 70_000) })
            {
                var update = new OptimizerStep(step, 1e-3f * step, 0.37f, weightDecay);
                host.Update(start, onHost.narrow(0, start, length), gradients.narrow(0, start, length), update);
                device.Update(start, onDevice.narrow(0, start, length), gradients.narrow(0, start, length), update);
            }
        }
        Assert.True(onHost.Values<float>().AsSpan().SequenceEqual(onDevice.Values<float>()));
        foreach (var copy in device.Mirrored)
        {
            copy.BeginToHost();
        }
        Assert.Equal(host.State.Select(memory => memory.Name), device.State.Select(memory => memory.Name));
        foreach (var (mine, its) in host.State.Zip(device.State))
        {
            Assert.True(mine.Values.SequenceEqual(its.Values), mine.Name);
        }
    }
}

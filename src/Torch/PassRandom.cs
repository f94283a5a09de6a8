using System.Runtime.InteropServices;
using Granary.Torch.Devices;
using Granary.Training.Randomness;
using static TorchSharp.torch;

namespace Granary.Torch;

/// <summary>Where passes draw random numbers from: all begin with one seed. On a device, whole tensors are drawn there.</summary>
internal sealed class PassRandom(ReplicaDevice device) : IDisposable
{
    private Generator? generator;
    private ulong noise, masks;

    /// <summary>For single numbers.</summary>
    public LaneRandom Lanes { get; } = new(0);

    /// <summary>Begins anew, with the numbers of this seed.</summary>
    public void Seed(ulong seed)
    {
        Lanes.Seed(seed);
        (noise, masks) = (seed, StepRandom.Mix(seed, 2));
    }

    /// <summary>Normally distributed numbers with mean 0 and deviation 1.</summary>
    public Tensor Noise(long[] shape) => empty(shape, device: device.Place).normal_(0, 1, Seeded(ref noise));

    /// <summary>Each number is <paramref name="value"/> with the given probability, and 0 otherwise.</summary>
    public Tensor Mask(long[] shape, double probability, float value)
    {
        var mask = empty(shape, device: device.Place);
        if (!device.IsHost)
        {
            return mask.bernoulli_(probability, Seeded(ref masks)).mul_(value);
        }
        Lanes.Keep(MemoryMarshal.Cast<byte, float>(mask.bytes), probability, value);
        return mask;
    }

    public void Dispose() => generator?.Dispose();

    private Generator Seeded(ref ulong seed)
    {
        generator ??= device.CreateGenerator();
        generator.manual_seed((long)seed);
        seed = StepRandom.Mix(seed, 1);
        return generator;
    }
}

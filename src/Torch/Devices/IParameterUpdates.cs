using Granary.Training.Optimization;
using Granary.Training.Tasks;
using static TorchSharp.torch;

namespace Granary.Torch.Devices;

/// <summary>An optimizer at work where the parameters are.</summary>
internal interface IParameterUpdates : IDisposable
{
    /// <summary>What it remembers, each as long as the parameters that learn; zero at first.</summary>
    IReadOnlyList<StateTensor> State { get; }

    /// <summary>What of it is a copy of the device's.</summary>
    IReadOnlyList<DeviceFloats> Mirrored { get; }

    /// <summary>Updates some consecutive parameters.</summary>
    /// <param name="start">How many of those that learn lie before them.</param>
    /// <param name="parameters">They themselves.</param>
    /// <param name="gradients">Theirs. Only read.</param>
    void Update(long start, Tensor parameters, Tensor gradients, in OptimizerStep step);
}

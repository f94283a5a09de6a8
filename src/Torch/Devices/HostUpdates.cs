using Granary.Torch.Runtime;
using Granary.Training.Optimization;
using Granary.Training.Tasks;
using static TorchSharp.torch;

namespace Granary.Torch.Devices;

/// <summary>The processor's optimizers: one pass over memory.</summary>
/// <param name="prefix">Put before the names of what they remember.</param>
internal sealed unsafe class HostUpdates(OptimizerChoice choice, long length, string prefix) : IParameterUpdates
{
    private readonly IOptimizer optimizer = choice.Create(length);

    public IReadOnlyList<StateTensor> State => [.. optimizer.Memory.Select(memory => new StateTensor(prefix + memory.Name, [length], StateKind.Training, memory.Values.Pointer))];

    public IReadOnlyList<DeviceFloats> Mirrored => [];

    public void Update(long start, Tensor parameters, Tensor gradients, in OptimizerStep step) => optimizer.Update(start, parameters.numel(), parameters.Floats(), gradients.Floats(), step);

    public void Dispose() => optimizer.Dispose();
}

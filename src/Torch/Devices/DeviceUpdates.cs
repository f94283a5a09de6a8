using Granary.Training.Optimization;
using Granary.Training.Tasks;
using static TorchSharp.torch;

namespace Granary.Torch.Devices;

/// <summary>
/// The optimizers of <see cref="Granary.Training.Optimization"/> as operations of libtorch on a device: the same roundings in the same order, hence
/// the same bits.
/// </summary>
internal sealed unsafe class DeviceUpdates : IParameterUpdates
{
    // Operations pass over memory one by one: over this much at a time what they pass on takes little room.
    internal const long AtATime = 16 << 20;
    private readonly OptimizerChoice choice;
    private readonly ReplicaDevice device;
    private readonly long length;
    private readonly string prefix;
    private readonly IReadOnlyList<string> names;
    private readonly DeviceFloats[] memories;

    /// <inheritdoc cref="HostUpdates(OptimizerChoice, long, string)"/>
    public DeviceUpdates(OptimizerChoice choice, long length, string prefix, ReplicaDevice device)
    {
        using var onHost = choice.Create(0);
        (this.choice, this.length, this.prefix, this.device, names) = (choice, length, prefix, device, [.. onHost.Memory.Select(memory => memory.Name)]);
        memories = [.. names.Select(_ => new DeviceFloats(device, length))];
    }

    public IReadOnlyList<StateTensor> State => [.. names.Zip(memories, (name, memory) => new StateTensor(prefix + name, [length], StateKind.Training, memory.Pointer))];

    public IReadOnlyList<DeviceFloats> Mirrored => memories;

    public void Update(long start, Tensor parameters, Tensor gradients, in OptimizerStep step)
    {
        using var outside = no_grad();
        for (var at = 0L; at < parameters.numel(); at += AtATime)
        {
            using var scope = NewDisposeScope();
            var count = Math.Min(AtATime, parameters.numel() - at);
            var (p, g) = (parameters.narrow(0, at, count), gradients.narrow(0, at, count) * step.Scale);
            Tensor[] memory = [.. memories.Select(all => all.Tensor.narrow(0, start + at, count))];
            var decoupled = choice.Name == OptimizerChoice.AdamW;
            if (!decoupled)
            {
                g.add_(p * step.WeightDecay);
            }
            if (choice.Name == OptimizerChoice.Sgd)
            {
                Descend(p, g, memory, step);
            }
            else
            {
                Adapt(p, g, memory[0], memory[1], decoupled ? 1 - step.LearningRate * step.WeightDecay : 1, step);
            }
        }
    }

    public void Dispose()
    {
        foreach (var memory in memories)
        {
            memory.Dispose();
        }
    }

    // Written so that no operation multiplies and adds at once: each product and each sum is rounded.
    private void Adapt(Tensor p, Tensor g, Tensor mean, Tensor variance, float shrink, in OptimizerStep step)
    {
        var (beta1, beta2) = ((float)choice.Beta1, (float)choice.Beta2);
        var rate = (float)(step.LearningRate / (1 - Math.Pow(beta1, step.Update)));
        var rootScale = (float)(1 / Math.Sqrt(1 - Math.Pow(beta2, step.Update)));
        mean.mul_(beta1).add_(g * (1 - beta1));
        variance.mul_(beta2).add_((g * g).mul_(1 - beta2));
        p.mul_(shrink).sub_((mean * rate).div_(device.SquareRoot(variance).mul_(rootScale).add_(Adam.Epsilon)));
    }

    private void Descend(Tensor p, Tensor g, Tensor[] memory, in OptimizerStep step)
    {
        if (memory is [var velocity])
        {
            velocity.mul_((float)choice.Momentum).add_(g);
            g = choice.Nesterov ? g.add_(velocity * (float)choice.Momentum) : velocity;
        }
        p.sub_(g * step.LearningRate);
    }
}

// N samples, F features, V classes
using System.Runtime.InteropServices;
using Granary.Torch.Devices;
using Granary.Torch.Runtime;
using Granary.Training.Numerics;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Granary.Torch.Networks;

/// <summary>
/// A linear layer, softmax and cross-entropy in one, for layers so wide that they take most of a step: the logits become
/// their own gradient in place, and the layer's gradient is added where it belongs instead of being made and then copied.
/// It takes some samples at a time, so that their logits are still in the cache when they are multiplied again. On a device it is
/// libtorch's linear layer and cross-entropy.
/// </summary>
public static unsafe class SoftmaxOutput
{
    // Products of fewer are slower (64 and 128, with 10,000 classes); more (512, 1,024) take more memory and were no faster.
    private const int SamplesAtATime = 256;

    /// <summary>
    /// The cross-entropy summed over the samples. The gradients of the layer's parameters are added at once; the
    /// features get theirs when <c>backward</c> is called on this very sum.
    /// </summary>
    /// <param name="layer">With or without a bias; the tensors for its gradients must exist.</param>
    /// <param name="targets_N">The right class of each sample.</param>
    public static Tensor LossSum(Linear layer, Tensor features_NF, Tensor targets_N) => LossSum(layer.weight!, layer.bias, features_NF, targets_N);

    /// <inheritdoc cref="LossSum(Linear, Tensor, Tensor)"/>
    /// <param name="weight_VF">The layer's, which may serve another layer besides, such as an embedding.</param>
    /// <param name="bias_V">The layer's, if it has one.</param>
    public static Tensor LossSum(Parameter weight_VF, Parameter? bias_V, Tensor features_NF, Tensor targets_N)
    {
        if (!ReplicaDevice.Current.IsHost)
        {
            return nn.functional.cross_entropy(nn.functional.linear(features_NF, weight_VF, bias_V), targets_N, reduction: nn.Reduction.Sum);
        }
        var known_NF = features_NF.detach().to(float32);
        var gradient_NF = empty_like(known_NF);
        double loss = 0;
        using (no_grad())
        {
            var samples = (int)known_NF.size(0);
            var room_NV = empty(Math.Min(samples, SamplesAtATime), weight_VF.size(0));
            var rounded_VF = Autocast.IsOn ? weight_VF.to(bfloat16) : null;
            var targets = MemoryMarshal.Cast<byte, long>(targets_N.bytes);
            for (var first = 0; first < samples; first += SamplesAtATime)
            {
                using var scope = NewDisposeScope();
                var count = Math.Min(SamplesAtATime, samples - first);
                var (some_NF, logits_NV, someGradient_NF) = (known_NF.narrow(0, first, count), room_NV.narrow(0, 0, count), gradient_NF.narrow(0, first, count));
                var some = targets.Slice(first, count);
                loss += rounded_VF is null
                    ? Learn(weight_VF, bias_V, some_NF, some, logits_NV, someGradient_NF)
                    : LearnRounded(weight_VF, bias_V, rounded_VF, some_NF, some, logits_NV, someGradient_NF);
            }
        }
        // The first term is zero; it is there only for its gradient.
        return ((features_NF - known_NF) * gradient_NF).sum() + loss;
    }

    /// <summary>
    /// Under autocast the products are rounded, the softmax is not: for it, one row at a time is widened into the first row of
    /// <paramref name="room_NV"/>.
    /// </summary>
    private static double LearnRounded(Parameter weight_VF, Parameter? bias_V, Tensor rounded_VF, Tensor features_NF, ReadOnlySpan<long> targets, Tensor room_NV, Tensor gradient_NF)
    {
        var rounded_NF = features_NF.to(bfloat16);
        var logits_NV = rounded_NF.mm(rounded_VF.t());
        var loss = BecomeGradient(room_NV, targets, bias_V, (ushort*)logits_NV.Floats());
        var weightGradient_VF = logits_NV.t().mm(rounded_NF);
        VectorBFloat16.Add(weight_VF.grad!.Floats(), (ushort*)weightGradient_VF.Floats(), weightGradient_VF.numel());
        gradient_NF.copy_(logits_NV.mm(rounded_VF));
        return loss;
    }

    private static double Learn(Parameter weight_VF, Parameter? bias_V, Tensor features_NF, ReadOnlySpan<long> targets, Tensor logits_NV, Tensor gradient_NF)
    {
        logits_NV.addmm_(features_NF, weight_VF.t(), beta: 0, alpha: 1);
        var loss = BecomeGradient(logits_NV, targets, bias_V);
        weight_VF.grad!.addmm_(logits_NV.t(), features_NF, beta: 1, alpha: 1);
        gradient_NF.addmm_(logits_NV, weight_VF, beta: 0, alpha: 1);
        return loss;
    }

    /// <param name="logits_NV">Become the gradient.</param>
    /// <param name="rounded">If given, these are the logits, in bfloat16, and become the gradient; the float ones are then only room for a row.</param>
    private static double BecomeGradient(Tensor logits_NV, ReadOnlySpan<long> targets, Tensor? bias_V, ushort* rounded = null)
    {
        var classes = (int)logits_NV.size(1);
        var row = logits_NV.Floats();
        var bias = bias_V is null ? null : bias_V.Floats();
        var biasGradient = bias_V is null ? null : bias_V.grad!.Floats();
        double loss = 0;
        foreach (var target in targets)
        {
            if (rounded != null)
            {
                VectorBFloat16.Widen(rounded, row, classes);
            }
            loss += SoftmaxRow.BecomeGradient(row, (int)target, bias, biasGradient, classes);
            if (rounded != null)
            {
                VectorBFloat16.Round(row, rounded, classes);
                rounded += classes;
            }
            else
            {
                row += classes;
            }
        }
        return loss;
    }
}

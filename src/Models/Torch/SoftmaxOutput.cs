// N samples, F features, V classes
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Granary.Models.Torch;

/// <summary>
/// A linear layer, softmax and cross-entropy in one, for layers so wide that they take most of a step: the logits become
/// their own gradient in place, and the layer's gradient is added where it belongs instead of being made and then copied.
/// </summary>
public static unsafe class SoftmaxOutput
{
    // Sums in fixed lanes: narrower machines run the same ones in several registers, with the same result.
    private const int Lanes = 16;

    /// <summary>
    /// The cross-entropy summed over the samples. Adds the gradients of the layer's parameters to theirs, at once; what flows
    /// back to the features waits for <c>backward</c>, to be called on this very sum.
    /// </summary>
    /// <param name="targets_N">The right class of each sample.</param>
    public static Tensor LossSum(Linear layer, Tensor features_NF, Tensor targets_N)
    {
        var known_NF = features_NF.detach();
        Tensor gradient_NF;
        double loss;
        using (no_grad())
        {
            var logits_NV = known_NF.mm(layer.weight!.t());
            loss = BecomeGradient(logits_NV, MemoryMarshal.Cast<byte, long>(targets_N.bytes), layer.bias!);
            layer.weight!.grad!.addmm_(logits_NV.t(), known_NF, beta: 1, alpha: 1);
            gradient_NF = logits_NV.mm(layer.weight);
        }
        // The first term is zero and only there to have the gradient.
        return ((features_NF - known_NF) * gradient_NF).sum() + loss;
    }

    private static double BecomeGradient(Tensor logits_NV, ReadOnlySpan<long> targets, Tensor bias_V)
    {
        float* logits = FlatParameters.Pointer(logits_NV), bias = FlatParameters.Pointer(bias_V), biasGradient = FlatParameters.Pointer(bias_V.grad!);
        var classes = (int)bias_V.numel();
        double loss = 0;
        foreach (var target in targets)
        {
            var max = AddBias(logits, bias, classes);
            loss += max - (double)logits[target];
            var sum = Exponentiate(logits, max, classes);
            loss += Math.Log(sum);
            Normalize(logits, (float)(1 / sum), biasGradient, classes);
            logits[target] -= 1;
            biasGradient[target] -= 1;
            logits += classes;
        }
        return loss;
    }

    /// <returns>The largest logit.</returns>
    private static float AddBias(float* logits, float* bias, int classes)
    {
        var lanes = Vector512.Create(float.NegativeInfinity);
        var i = 0;
        for (; i <= classes - Lanes; i += Lanes)
        {
            var biased = Vector512.Load(logits + i) + Vector512.Load(bias + i);
            biased.Store(logits + i);
            lanes = Vector512.Max(lanes, biased);
        }
        var max = float.NegativeInfinity;
        for (var lane = 0; lane < Lanes; lane++)
        {
            max = MathF.Max(max, lanes[lane]);
        }
        for (; i < classes; i++)
        {
            max = MathF.Max(max, logits[i] += bias[i]);
        }
        return max;
    }

    /// <returns>The sum of the exponentials.</returns>
    private static double Exponentiate(float* logits, float max, int classes)
    {
        var lanes = Vector512<float>.Zero;
        var i = 0;
        for (; i <= classes - Lanes; i += Lanes)
        {
            var exponential = Vector512.Exp(Vector512.Load(logits + i) - Vector512.Create(max));
            exponential.Store(logits + i);
            lanes += exponential;
        }
        double sum = 0;
        for (var lane = 0; lane < Lanes; lane++)
        {
            sum += lanes[lane];
        }
        for (; i < classes; i++)
        {
            sum += logits[i] = MathF.Exp(logits[i] - max);
        }
        return sum;
    }

    private static void Normalize(float* exponentials, float scale, float* biasGradient, int classes)
    {
        var i = 0;
        for (; i <= classes - Lanes; i += Lanes)
        {
            var probability = Vector512.Load(exponentials + i) * scale;
            probability.Store(exponentials + i);
            (Vector512.Load(biasGradient + i) + probability).Store(biasGradient + i);
        }
        for (; i < classes; i++)
        {
            biasGradient[i] += exponentials[i] *= scale;
        }
    }
}

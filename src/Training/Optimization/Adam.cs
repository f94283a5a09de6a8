using System.Runtime.Intrinsics;
using Granary.Training.Numerics;

namespace Granary.Training.Optimization;

/// <summary>
/// Adam (Kingma and Ba, 2015), or AdamW (Loshchilov and Hutter, 2019) when the weight decay is decoupled; both as PyTorch
/// defines them. Products and sums are rounded one by one, in vectors and in the rest alike.
/// </summary>
public sealed unsafe class Adam(long length) : IOptimizer
{
    private const int Lanes = 16;

    /// <summary>What remains of the first moments from update to update. Default: 0.9.</summary>
    public float Beta1 { get; init; } = 0.9f;

    /// <summary>What remains of the second moments from update to update. Default: 0.999.</summary>
    public float Beta2 { get; init; } = 0.999f;

    /// <summary>What is added to the root of the second moments.</summary>
    public const float Epsilon = 1e-8f;

    /// <summary>Whether the parameters decay by themselves (AdamW) rather than through the gradient. Default: no.</summary>
    public bool Decoupled { get; init; }

    /// <summary>First moments.</summary>
    public NativeFloats Mean { get; } = new(length);

    /// <summary>Second moments.</summary>
    public NativeFloats Variance { get; } = new(length);

    /// <inheritdoc/>
    public IReadOnlyList<(string Name, NativeFloats Values)> Memory => [("adam.mean", Mean), ("adam.variance", Variance)];

    /// <inheritdoc/>
    public void Update(long start, long length, float* parameters, float* gradients, in OptimizerStep step)
    {
        var rate = (float)(step.LearningRate / (1 - Math.Pow(Beta1, step.Update)));
        var rootScale = (float)(1 / Math.Sqrt(1 - Math.Pow(Beta2, step.Update)));
        var shrink = Decoupled ? 1 - step.LearningRate * step.WeightDecay : 1;
        var (decay, scale) = (Decoupled ? 0 : step.WeightDecay, step.Scale);
        float* m = Mean.Pointer + start, v = Variance.Pointer + start;
        var i = 0L;
        for (; i <= length - Lanes; i += Lanes)
        {
            var p = Vector512.Load(parameters + i);
            var g = Vector512.Load(gradients + i) * scale + p * decay;
            var nextMean = Vector512.Load(m + i) * Beta1 + g * (1 - Beta1);
            var nextVariance = Vector512.Load(v + i) * Beta2 + g * g * (1 - Beta2);
            nextMean.Store(m + i);
            nextVariance.Store(v + i);
            (p * shrink - nextMean * rate / (Vector512.Sqrt(nextVariance) * rootScale + Vector512.Create(Epsilon))).Store(parameters + i);
        }
        for (; i < length; i++)
        {
            var g = gradients[i] * scale + parameters[i] * decay;
            m[i] = m[i] * Beta1 + g * (1 - Beta1);
            v[i] = v[i] * Beta2 + g * g * (1 - Beta2);
            parameters[i] = parameters[i] * shrink - m[i] * rate / (MathF.Sqrt(v[i]) * rootScale + Epsilon);
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Mean.Dispose();
        Variance.Dispose();
    }
}

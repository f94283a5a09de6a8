using System.Runtime.Intrinsics;
using Granary.Training.Numerics;

namespace Granary.Training.Optimization;

/// <summary>
/// Adam (Kingma and Ba, 2015) over one flat vector, in one pass that also scales the gradient. Parameters, gradients and
/// both moments are read once a step.
/// </summary>
public sealed unsafe class Adam(int length, float beta1 = 0.9f, float beta2 = 0.999f, float epsilon = 1e-8f) : IDisposable
{
    /// <summary>First moments. Part of the training state.</summary>
    public NativeFloats Mean { get; } = new(length);

    /// <summary>Second moments. Part of the training state.</summary>
    public NativeFloats Variance { get; } = new(length);

    /// <param name="update">Number of this update, from 1.</param>
    /// <param name="scale">Multiplies the gradient first: 1 / weight, and the clipping factor.</param>
    public void Update(float* parameters, float* gradients, long update, float learningRate, float scale)
    {
        var correction1 = 1 - Math.Pow(beta1, update);
        var correction2 = Math.Sqrt(1 - Math.Pow(beta2, update));
        var rate = (float)(learningRate / correction1);
        var rootScale = (float)(1 / correction2);
        float* mean = Mean.Pointer, variance = Variance.Pointer;
        var i = 0;
        for (; i <= length - Vector512<float>.Count; i += Vector512<float>.Count)
        {
            var g = Vector512.Load(gradients + i) * scale;
            var m = Vector512.Load(mean + i) * beta1 + g * (1 - beta1);
            var v = Vector512.Load(variance + i) * beta2 + g * g * (1 - beta2);
            m.Store(mean + i);
            v.Store(variance + i);
            (Vector512.Load(parameters + i) - rate * m / (Vector512.Sqrt(v) * rootScale + Vector512.Create(epsilon))).Store(parameters + i);
        }
        for (; i < length; i++)
        {
            var g = gradients[i] * scale;
            mean[i] = mean[i] * beta1 + g * (1 - beta1);
            variance[i] = variance[i] * beta2 + g * g * (1 - beta2);
            parameters[i] -= rate * mean[i] / (MathF.Sqrt(variance[i]) * rootScale + epsilon);
        }
    }

    public void Dispose()
    {
        Mean.Dispose();
        Variance.Dispose();
    }
}

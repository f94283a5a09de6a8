using System.Runtime.Intrinsics;
using Granary.Training.Numerics;

namespace Granary.Training.Optimization;

/// <summary>
/// Stochastic gradient descent with momentum (Polyak's or Nesterov's) and weight decay, as PyTorch defines it: the velocity
/// is not scaled by the learning rate. Products and sums are rounded one by one, in vectors and in the rest alike.
/// </summary>
/// <param name="momentum">What remains of the velocity from one update to the next; 0: nothing is remembered.</param>
public sealed unsafe class Sgd(long length, float momentum = 0) : IOptimizer
{
    private const int Lanes = 16;
    private readonly NativeFloats velocity = new(momentum > 0 ? length : 0);

    /// <summary>Whether to look ahead along the velocity. Default: no.</summary>
    public bool Nesterov { get; init; }

    /// <inheritdoc/>
    public IReadOnlyList<(string Name, NativeFloats Values)> Memory => momentum > 0 ? [("sgd.velocity", velocity)] : [];

    /// <inheritdoc/>
    public void Update(long start, long length, float* parameters, float* gradients, in OptimizerStep step)
    {
        var (learningRate, scale, decay) = (step.LearningRate, step.Scale, step.WeightDecay);
        var v = momentum > 0 ? velocity.Pointer + start : null;
        var i = 0L;
        for (; i <= length - Lanes; i += Lanes)
        {
            var p = Vector512.Load(parameters + i);
            var g = Vector512.Load(gradients + i) * scale + p * decay;
            if (momentum > 0)
            {
                var next = Vector512.Load(v + i) * momentum + g;
                next.Store(v + i);
                g = Nesterov ? g + next * momentum : next;
            }
            (p - g * learningRate).Store(parameters + i);
        }
        for (; i < length; i++)
        {
            var g = gradients[i] * scale + parameters[i] * decay;
            if (momentum > 0)
            {
                v[i] = v[i] * momentum + g;
                g = Nesterov ? g + v[i] * momentum : v[i];
            }
            parameters[i] -= g * learningRate;
        }
    }

    /// <inheritdoc/>
    public void Dispose() => velocity.Dispose();
}

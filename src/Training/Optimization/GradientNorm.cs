using Granary.Training.Tasks;

namespace Granary.Training.Optimization;

/// <summary>The norm of the mean gradient, and the factor that clips it.</summary>
public static class GradientNorm
{
    /// <param name="squares">The sum of the squares of the gradient sum; see <see cref="Numerics.VectorMath.SumOfSquares"/>.</param>
    /// <param name="weight">Samples or tokens in the sum.</param>
    /// <param name="maxNorm">Largest norm of the mean gradient; infinity: no clipping.</param>
    /// <returns>The norm before clipping, and what to multiply the sum with: 1 / weight, times the clipping factor.</returns>
    /// <exception cref="NonFiniteException">The weights have not been touched.</exception>
    public static (double Norm, float Scale) Clip(double squares, double weight, double maxNorm, string phase, long step)
    {
        var norm = Math.Sqrt(squares) / weight;
        if (!double.IsFinite(norm))
        {
            throw new NonFiniteException("gradient", phase, step);
        }
        return (norm, (float)(Math.Min(1, maxNorm / norm) / weight));
    }
}

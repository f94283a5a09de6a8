// N samples, F features
using static TorchSharp.torch;

namespace Granary.Torch;

/// <summary>
/// How unlike two sets of samples are by their features: the squared Fréchet distance of the normal distributions that have the same means
/// and covariances (Heusel et al., 2017). 0: they cannot be told apart by these. What it is made of are sums over the samples.
/// </summary>
public sealed class FrechetDistance
{
    private readonly int features;

    /// <param name="features">How many features a sample has.</param>
    public FrechetDistance(int features)
    {
        this.features = features;
        Sums = [.. from side in (string[])["real", "made"] from name in Moments(side) select name];
    }

    /// <summary>Names of the sums, for the phase.</summary>
    public IReadOnlyList<string> Sums { get; }

    /// <summary>Adds a batch to the sums.</summary>
    /// <param name="real">Which of the two sets they belong to. Both have as many samples as the pass's weight says in the end.</param>
    public void Add(Tensor features_NF, bool real, ShardPass pass)
    {
        using var scope = NewDisposeScope();
        var exact_NF = features_NF.to(float64);
        double[] moments = [.. exact_NF.sum(0, false).Values<double>(), .. exact_NF.t().matmul(exact_NF).Values<double>()];
        var (place, start) = (real ? 0 : Sums.Count / 2, features);
        for (var i = 0; i < features; i++)
        {
            pass.Add(Sums[place + i], moments[i]);
        }
        for (var i = 0; i < features; i++)
        {
            for (var j = 0; j <= i; j++)
            {
                pass.Add(Sums[place + start++], moments[features + i * features + j]);
            }
        }
    }

    /// <summary>The distance that the totals tell.</summary>
    public double Of(Totals totals)
    {
        using var scope = NewDisposeScope();
        var ((meanA, covarianceA), (meanB, covarianceB)) = (MomentsOf(totals, 0), MomentsOf(totals, Sums.Count / 2));
        // The trace of the root of a product of two covariances is the sum of the roots of the eigenvalues of A^1/2 B A^1/2.
        var (values, vectors) = linalg.eigh(covarianceA);
        var root = vectors.matmul(diag(values.clamp(min: 0).sqrt())).matmul(vectors.t());
        var common = linalg.eigvalsh(root.matmul(covarianceB).matmul(root)).clamp(min: 0).sqrt().sum().item<double>();
        var apart = (meanA - meanB).square().sum().item<double>();
        return Math.Max(0, apart + covarianceA.trace().item<double>() + covarianceB.trace().item<double>() - 2 * common);
    }

    private IEnumerable<string> Moments(string side) =>
    [
        .. Enumerable.Range(0, features).Select(i => $"{side}.{i}"),
        .. from i in Enumerable.Range(0, features) from j in Enumerable.Range(0, i + 1) select $"{side}.{i}.{j}",
    ];

    private (Tensor Mean, Tensor Covariance) MomentsOf(Totals totals, int place)
    {
        var (mean, products, next) = (new double[features], new double[features, features], place + features);
        for (var i = 0; i < features; i++)
        {
            mean[i] = totals.Mean(Sums[place + i]);
        }
        for (var i = 0; i < features; i++)
        {
            for (var j = 0; j <= i; j++, next++)
            {
                products[i, j] = products[j, i] = totals.Mean(Sums[next]) - mean[i] * mean[j];
            }
        }
        return (tensor(mean), tensor(products));
    }
}

using Granary.Training.Randomness;

namespace Granary.Models.Word2Vec;

/// <summary>
/// Drops frequent words now and then (Mikolov et al., 2013, as their program does it): a word with share f of the text is
/// kept with probability sqrt(sample / f) + sample / f.
/// </summary>
internal sealed class SubsamplingRule
{
    private readonly float[] keep;

    /// <param name="counts">How often each word occurs in the text.</param>
    /// <param name="sample">Words rarer than about this share are always kept; 0: all are.</param>
    public SubsamplingRule(IReadOnlyList<long> counts, double sample)
    {
        var threshold = sample * counts.Sum();
        keep = [.. counts.Select(count => sample > 0 ? (float)(Math.Sqrt(threshold / count) + threshold / count) : 1)];
    }

    public double Probability(int word) => Math.Min(1, keep[word]);

    public bool Keeps(int word, ref StepRandom random) => keep[word] >= 1 || random.NextSingle() < keep[word];
}

using Granary.Training.Randomness;

namespace Granary.Models.Word2Vec;

/// <summary>
/// Drops frequent words now and then (Mikolov et al., 2013, as their program does it): a word with share f of the text is
/// kept with probability sqrt(sample / f) + sample / f.
/// </summary>
internal sealed class SubsamplingRule
{
    private const double Always = 1L << 32;
    private readonly ulong[] thresholds;

    /// <param name="counts">How often each word occurs in the text.</param>
    /// <param name="sample">Words rarer than about this share are always kept; 0: all are.</param>
    public SubsamplingRule(IReadOnlyList<long> counts, double sample)
    {
        var threshold = sample * counts.Sum();
        thresholds = [.. counts.Select(count => (ulong)(Always * (sample > 0 ? Math.Min(1, Math.Sqrt(threshold / count) + threshold / count) : 1)))];
    }

    /// <summary>Draws for every word, so that there is no branch to predict.</summary>
    public bool Keeps(int word, ref StepRandom random) => random.NextULong() >> 32 < thresholds[word];
}

using Granary.Models.Word2Vec;
using Granary.Training.Randomness;

namespace Granary.Models.Tests.Word2Vec;

public class SamplingTests
{
    private const int Draws = 200_000;

    [Fact]
    public void AliasTable_DrawsInProportion()
    {
        double[] weights = [5, 0, 1, 3, 0.5, 0.5];
        var drawn = new int[weights.Length];
        var table = new AliasTable(weights);
        var random = new StepRandom(1);
        for (var i = 0; i < Draws; i++)
        {
            drawn[table.Draw(ref random)]++;
        }
        Assert.All(weights.Zip(drawn), entry => Assert.Equal(entry.First / 10, (double)entry.Second / Draws, 0.005));
        Assert.Equal(0, drawn[1]);
    }

    [Fact]
    public void Subsampling_DropsFrequentWordsAndKeepsRareOnes()
    {
        long[] counts = [900_000, 90_000, 9_990, 10];
        var rule = new SubsamplingRule(counts, sample: 1e-3);
        var random = new StepRandom(2);
        for (var word = 0; word < counts.Length; word++)
        {
            var kept = 0;
            for (var i = 0; i < Draws; i++)
            {
                kept += rule.Keeps(word, ref random) ? 1 : 0;
            }
            var rarity = 1e-3 / (counts[word] / 1e6);
            Assert.Equal(Math.Min(1, Math.Sqrt(rarity) + rarity), (double)kept / Draws, 0.005);
        }
    }

    [Fact]
    public void Sample_HasWindowsOfEveryWidthAndNegativesOtherThanTheCentre()
    {
        long[] counts = [80_000, 10_000, 10_000];
        var sample = new SkipGramSample(new(counts, sample: 0), new([8, 1, 1]), window: 5, negatives: 2);
        var random = new StepRandom(3);
        sample.Draw(Enumerable.Range(0, 100_000).Select(i => i % 3).ToArray(), ref random);

        Assert.Equal(100_000, sample.Count);
        Assert.All(sample.Windows.ToArray().CountBy(width => width), width => Assert.Equal(0.2, width.Value / 1e5, 0.01));
        Assert.Equal([1, 2, 3, 4, 5], sample.Windows.ToArray().Distinct().Order());
        Assert.All(Enumerable.Range(0, sample.Count), position => Assert.DoesNotContain(sample.Words[position], sample.Negatives(position).ToArray()));
        // A centre of word 1 leaves 8 to 1 between the others.
        var againstOne = Enumerable.Range(0, sample.Count).Where(position => sample.Words[position] == 1).SelectMany(position => sample.Negatives(position).ToArray()).ToArray();
        Assert.Equal(8.0 / 9, againstOne.Average(word => word == 0 ? 1 : 0), 0.01);
    }
}

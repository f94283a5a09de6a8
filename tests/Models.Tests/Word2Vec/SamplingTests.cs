using Granary.Models.Word2Vec;
using Granary.Training.Frames;
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
        var sample = Drawn(counts, negatives: 2);
        Assert.Equal(100_000, sample.Count);
        Assert.Equal(Enumerable.Range(0, 100_000).Select(i => i % 3), sample.Inputs.ToArray());
        Assert.All(sample.Windows.ToArray().CountBy(width => width), width => Assert.Equal(0.2, width.Value / 1e5, 0.01));
        Assert.Equal([1, 2, 3, 4, 5], sample.Windows.ToArray().Distinct().Order());

        var outputs = sample.Outputs.ToArray().Select(row => row - counts.Length).Chunk(3).ToArray();
        Assert.Equal(sample.Inputs.ToArray(), outputs.Select(output => output[0]));
        Assert.All(outputs, output => Assert.DoesNotContain(output[0], output[1..]));
        // A centre of word 1 leaves 8 to 1 between the others.
        var againstOne = outputs.Where(output => output[0] == 1).SelectMany(output => output[1..]);
        Assert.Equal(8.0 / 9, againstOne.Average(word => word == 0 ? 1 : 0), 0.01);
    }

    [Fact]
    public void Sample_LaidIntoAFrame_KnowsRowsByTheirPositionsAndHowOftenEachWasDrawn()
    {
        long[] counts = [80_000, 0, 10_000, 10_000];
        var sample = Drawn(counts, negatives: 2, words: [0, 2, 3]);
        int[] inputs = sample.Inputs.ToArray(), outputs = sample.Outputs.ToArray();
        using var frame = new SparseRows(16);
        sample.Lay(frame);

        Assert.Equal([0, 2, 3, 4, 6, 7], frame.Numbers.ToArray());
        var numbers = frame.Numbers.ToArray();
        Assert.Equal(inputs, sample.Inputs.ToArray().Select(position => numbers[position]));
        Assert.Equal(outputs, sample.Outputs.ToArray().Select(position => numbers[position]));
        Assert.Equal(numbers.Select(row => inputs.Count(input => input == row) + outputs.Count(output => output == row)), sample.Drawn.ToArray());

        // Nothing is left of it for the next shard.
        sample.Draw([2], new(4));
        sample.Lay(frame);
        Assert.Equal(2, frame.Numbers[0]);
        Assert.Equal(1 + 1 + 2, sample.Drawn.ToArray().Sum());
    }

    private static SkipGramSample Drawn(long[] counts, int negatives, int[]? words = null)
    {
        var sample = new SkipGramSample(new(counts, sample: 0), new([.. counts]), counts.Length, window: 5, negatives);
        sample.Draw(Enumerable.Range(0, 100_000).Select(i => words?[i % 3] ?? i % 3).ToArray(), new(3));
        return sample;
    }
}

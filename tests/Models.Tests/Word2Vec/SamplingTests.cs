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
        Assert.Equal(Enumerable.Range(0, 100_000).Select(i => i % 3), sample.Words.ToArray());
        Assert.All(sample.Windows.ToArray().CountBy(width => width), width => Assert.Equal(0.2, width.Value / 1e5, 0.01));
        Assert.Equal([1, 2, 3, 4, 5], sample.Windows.ToArray().Distinct().Order());

        var outputs = Outputs(sample).Select(row => row - counts.Length).Chunk(3).ToArray();
        Assert.Equal(sample.Words.ToArray(), outputs.Select(output => output[0]));
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
        int[] words = sample.Words.ToArray(), outputs = Outputs(sample);
        using var frame = new SparseRows(16);
        sample.Lay(frame);

        Assert.Equal([0, 2, 3, 4, 6, 7], frame.Numbers.ToArray());
        var numbers = frame.Numbers.ToArray();
        Assert.Equal(words, sample.Inputs.ToArray().Select(position => numbers[position]));
        Assert.Equal(outputs, Outputs(sample).Select(position => numbers[position]));
        Assert.Equal(numbers.Select(row => words.Count(word => word == row) + outputs.Count(output => output == row)), sample.Drawn.ToArray());

        // Nothing is left of it for the next shard.
        sample.Draw([2], new(4));
        sample.Lay(frame);
        Assert.Equal(2, frame.Numbers[0]);
        Assert.Equal(1 + 1 + 2, sample.Drawn.ToArray().Sum());
    }

    [Fact]
    public void Sample_OfNGramsAndPaths_DrawsEachOfThemAsOftenAsItsWords()
    {
        // Words 0 and 2 have n-gram 3 in common, and word 2 has it twice. The tree: root 5 leads to word 0, or to node 6 with words 1 and 2.
        long[] counts = [5, 2, 1];
        var subwords = new RowLists([[0, 3], [1, 4], [2, 3, 3]]);
        var sample = new WindowSample(new(counts, sample: 0), new PathTargets(new(counts), first: 5), inputRows: 5, window: 2, subwords);
        using var frame = new SparseRows(16);
        sample.Draw([0, 2, 0], new(3));
        sample.Lay(frame);
        Assert.Equal([(0, 2), (2, 1), (3, 4), (5, 3), (6, 1)], frame.Numbers.ToArray().Zip(sample.Drawn.ToArray()));
        Assert.Equal([1, 2, 2], subwords.Located(2).ToArray());
        Assert.Equal([3, 4], sample.Targets.Of(1, 2, out _).ToArray());

        sample.Draw([1], new(3));
        sample.Lay(frame);
        Assert.Equal([(1, 1), (4, 1), (5, 1), (6, 1)], frame.Numbers.ToArray().Zip(sample.Drawn.ToArray()));
        Assert.Equal([2, 3], sample.Targets.Of(0, 1, out _).ToArray());
    }

    private static int[] Outputs(WindowSample sample) => [.. Enumerable.Range(0, sample.Count).SelectMany(centre => sample.Targets.Of(centre, sample.Words[centre], out _).ToArray())];

    private static WindowSample Drawn(long[] counts, int negatives, int[]? words = null)
    {
        var targets = new NegativeTargets(new([.. counts]), counts.Length, negatives, first: counts.Length);
        var sample = new WindowSample(new(counts, sample: 0), targets, counts.Length, window: 5);
        sample.Draw(Enumerable.Range(0, 100_000).Select(i => words?[i % 3] ?? i % 3).ToArray(), new(3));
        return sample;
    }
}

using Granary.Models.Word2Vec;
using Granary.Training.Frames;
using Granary.Training.Randomness;

namespace Granary.Models.Tests.Word2Vec;

/// <summary>The kernel against the same thing in double precision and plain loops.</summary>
public unsafe class SkipGramKernelTests
{
    private const int Words = 20, Window = 3;

    [Theory]
    [InlineData(1, 1)]
    [InlineData(7, 5)]
    [InlineData(16, 6)]
    [InlineData(100, 5)]
    [InlineData(130, 13)]
    public void Training_OfAnyShape_EqualsTheReference(int dimension, int negatives)
    {
        using var one = new Case(dimension, negatives);
        var reference = new Reference(one);
        var (loss, pairs) = one.Train();

        Assert.Equal(reference.Pairs, pairs);
        Assert.Equal(reference.Loss, loss, 1e-4 * reference.Loss);
        for (var row = 0; row < one.Rows.Count; row++)
        {
            for (var k = 0; k < dimension; k++)
            {
                Assert.Equal(reference.Values[row, k], one.Rows.Row(row)[k], 1e-4);
            }
            Assert.All(new Span<float>(one.Rows.Row(row) + dimension, one.Rows.Width - dimension).ToArray(), padding => Assert.Equal(0, padding));
        }
    }

    [Theory]
    [InlineData(7, 5)]
    [InlineData(100, 5)]
    [InlineData(130, 13)]
    public void Training_WithVectorsOfEveryWidth_HasTheSameBits(int dimension, int negatives)
    {
        using Case narrow = new(dimension, negatives, wide: false), wide = new(dimension, negatives, wide: true);
        Assert.Equal(narrow.Train(), wide.Train());
        Assert.True(narrow.Rows.Values.SequenceEqual(wide.Rows.Values));
    }

    [Fact]
    public void Training_AtASmallRate_FollowsTheSlopeOfTheLoss()
    {
        const double Rate = 1e-4, Step = 1e-4;
        using var one = new Case(dimension: 7, negatives: 5, (Rate, Rate));
        var before = one.Rows.Values.ToArray();
        one.Train();
        for (var row = 0; row < one.Rows.Count; row++)
        {
            for (var k = 0; k < one.Dimension; k++)
            {
                double up = new Reference(one, before, (row, k), Step).Loss, down = new Reference(one, before, (row, k), -Step).Loss;
                var change = one.Rows.Row(row)[k] - before[row * one.Rows.Width + k];
                Assert.Equal(-(up - down) / (2 * Step), change / Rate, 0.3);
            }
        }
    }

    private sealed class Case : IDisposable
    {
        private readonly SkipGramKernel kernel;

        public Case(int dimension, int negatives, (double Start, double End)? rate = null, bool wide = false)
        {
            (Dimension, Negatives, Rate) = (dimension, negatives, rate ?? (0.2, 0.1));
            var random = new StepRandom(7);
            var counts = Enumerable.Repeat(1L, Words).ToArray();
            Sample = new(new(counts, sample: 0), new([.. counts]), Words, Window, negatives);
            Sample.Draw(Enumerable.Range(0, 61).Select(i => i * i % Words).ToArray(), random);
            Rows = new(SkipGramKernel.PaddedWidth(dimension));
            Sample.Lay(Rows);
            Rows.Values.Clear();
            for (var row = 0; row < Rows.Count; row++)
            {
                foreach (ref var value in new Span<float>(Rows.Row(row), dimension))
                {
                    value = (float)random.NextNormal() / 2;
                }
            }
            kernel = new(dimension, Window, negatives, wide);
        }

        public int Dimension { get; }

        public int Negatives { get; }

        public (double Start, double End) Rate { get; }

        public SkipGramSample Sample { get; }

        public SparseRows Rows { get; }

        public (double Loss, long Pairs) Train() => kernel.Train(Sample, Rows, Rate);

        public void Dispose()
        {
            kernel.Dispose();
            Rows.Dispose();
        }
    }

    /// <summary>Gradient descent window by window; a window's outputs in groups of six, each from the values that the last one left.</summary>
    private sealed class Reference
    {
        private const int Group = 6;
        private readonly int dimension;

        public Reference(Case one)
            : this(one, one.Rows.Values)
        {
        }

        public Reference(Case one, ReadOnlySpan<float> values, (int Row, int K)? moved = null, double by = 0)
        {
            dimension = one.Dimension;
            Values = new double[one.Rows.Count, dimension];
            for (var row = 0; row < one.Rows.Count; row++)
            {
                for (var k = 0; k < dimension; k++)
                {
                    Values[row, k] = values[row * one.Rows.Width + k] + (moved == (row, k) ? by : 0);
                }
            }
            var words = one.Sample.Inputs.ToArray();
            for (var centre = 0; centre < words.Length; centre++)
            {
                var window = Enumerable.Range(0, words.Length).Where(i => i != centre && Math.Abs(i - centre) <= one.Sample.Windows[centre]).Select(i => words[i]).ToArray();
                var outputs = one.Sample.Outputs.Slice(centre * (1 + one.Negatives), 1 + one.Negatives).ToArray();
                var rate = one.Rate.Start + (one.Rate.End - one.Rate.Start) * centre / words.Length;
                Pairs += window.Length;
                foreach (var (number, group) in outputs.Chunk(Group).Index())
                {
                    Descend(window, group, positive: number == 0, rate);
                }
            }
        }

        public double[,] Values { get; }

        public double Loss { get; private set; }

        public long Pairs { get; }

        private void Descend(int[] inputs, int[] outputs, bool positive, double rate)
        {
            var slopes = new double[inputs.Length, outputs.Length];
            for (var i = 0; i < inputs.Length; i++)
            {
                for (var j = 0; j < outputs.Length; j++)
                {
                    double product = 0;
                    for (var k = 0; k < dimension; k++)
                    {
                        product += Values[inputs[i], k] * Values[outputs[j], k];
                    }
                    var label = positive && j == 0 ? 1 : 0;
                    Loss += Math.Log(1 + Math.Exp(label == 1 ? -product : product));
                    slopes[i, j] = 1 / (1 + Math.Exp(-product)) - label;
                }
            }
            for (var k = 0; k < dimension; k++)
            {
                var old = outputs.Select(output => Values[output, k]).ToArray();
                for (var i = 0; i < inputs.Length; i++)
                {
                    // A word that stands twice in the window has moved when its second turn comes.
                    var input = Values[inputs[i], k];
                    for (var j = 0; j < outputs.Length; j++)
                    {
                        Values[inputs[i], k] -= rate * slopes[i, j] * old[j];
                        Values[outputs[j], k] -= rate * slopes[i, j] * input;
                    }
                }
            }
        }
    }
}

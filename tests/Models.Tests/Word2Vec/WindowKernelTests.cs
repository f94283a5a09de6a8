using Granary.Models.Word2Vec;
using Granary.Training.Frames;
using Granary.Training.Randomness;

namespace Granary.Models.Tests.Word2Vec;

/// <summary>The kernel against the same thing in double precision and plain loops.</summary>
public unsafe class WindowKernelTests
{
    private const int Words = 20, Grams = 5, Window = 3;

    [Theory]
    [InlineData("skip-gram", 1, 1)]
    [InlineData("skip-gram", 7, 5)]
    [InlineData("skip-gram", 16, 6)]
    [InlineData("skip-gram", 100, 5)]
    [InlineData("skip-gram", 130, 13)]
    [InlineData("cbow", 7, 5)]
    [InlineData("cbow", 100, 5)]
    [InlineData("cbow", 130, 13)]
    [InlineData("tree", 7)]
    [InlineData("tree", 100)]
    [InlineData("cbow tree", 16)]
    [InlineData("subwords", 7, 5)]
    [InlineData("subwords", 100, 5)]
    [InlineData("subwords tree", 130)]
    [InlineData("subwords cbow", 16, 6)]
    [InlineData("subwords cbow tree", 100)]
    public void Training_OfAnyKindAndShape_EqualsTheReference(string kind, int dimension, int negatives = 0)
    {
        using var one = new Case(kind, dimension, negatives);
        var reference = new Reference(one);
        var (loss, pairs) = one.Train();

        Assert.Equal(reference.Pairs, pairs);
        Assert.Equal(reference.Loss, loss, 1e-4 * reference.Loss);
        for (var row = 0; row < one.Rows.Count; row++)
        {
            for (var k = 0; k < dimension; k++)
            {
                Assert.Equal(reference.Values[row][k], one.Rows.Row(row)[k], 1e-4);
            }
            Assert.All(new Span<float>(one.Rows.Row(row) + dimension, one.Rows.Width - dimension).ToArray(), padding => Assert.Equal(0, padding));
        }
    }

    [Theory]
    [InlineData("skip-gram", 7, 5)]
    [InlineData("skip-gram", 100, 5)]
    [InlineData("skip-gram", 130, 13)]
    [InlineData("cbow", 100, 5)]
    [InlineData("tree", 100)]
    [InlineData("subwords cbow tree", 130)]
    public void Training_WithVectorsOfEveryWidth_HasTheSameBits(string kind, int dimension, int negatives = 0)
    {
        using Case narrow = new(kind, dimension, negatives, wide: false), wide = new(kind, dimension, negatives, wide: true);
        Assert.Equal(narrow.Train(), wide.Train());
        Assert.True(narrow.Rows.Values.SequenceEqual(wide.Rows.Values));
    }

    [Theory]
    [InlineData("skip-gram", 5)]
    [InlineData("tree", 0)]
    public void Training_AtASmallRate_FollowsTheSlopeOfTheLoss(string kind, int negatives)
    {
        const double Rate = 1e-4, Step = 1e-4;
        using var one = new Case(kind, dimension: 7, negatives, (Rate, Rate));
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

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(2 * Window)]
    public void Training_OfFewWordsMadeOfNGrams_EqualsTheReference(int length)
    {
        using var one = new Case("subwords", dimension: 7, negatives: 2, length: length);
        var reference = new Reference(one);
        one.Train();
        for (var row = 0; row < one.Rows.Count; row++)
        {
            Assert.All(Enumerable.Range(0, 7), k => Assert.Equal(reference.Values[row][k], one.Rows.Row(row)[k], 1e-4));
        }
    }

    private sealed class Case : IDisposable
    {
        private readonly WindowKernel kernel;

        public Case(string kind, int dimension, int negatives, (double Start, double End)? rate = null, bool wide = false, int length = 61)
        {
            (Dimension, Rate, Mean) = (dimension, rate ?? (0.2, 0.1), kind.Contains("cbow"));
            var random = new StepRandom(7);
            var counts = new long[Words];
            for (var word = Words - 1; word >= 0; word--)
            {
                // Fibonacci's numbers make the deepest tree.
                counts[word] = word > Words - 3 ? 1 : counts[word + 1] + counts[word + 2];
            }
            var subwords = kind.Contains("subwords") ? new RowLists([.. Enumerable.Range(0, Words).Select(word => new[] { word, Words + word % 3, Words + 3 + word % 2, Words + word % 3 }[..(1 + word % 4)])]) : null;
            var inputs = subwords is null ? Words : Words + Grams;
            ITargets targets = kind.Contains("tree") ? new PathTargets(new(counts), inputs) : new NegativeTargets(new([.. counts.Select(_ => 1.0)]), Words, negatives, inputs);
            Sample = new(new(counts, sample: 0), targets, inputs, Window, subwords);
            Sample.Draw(Enumerable.Range(0, length).Select(i => i * i % Words).ToArray(), random);
            Rows = new(WindowKernel.PaddedWidth(dimension));
            Sample.Lay(Rows);
            Rows.Values.Clear();
            for (var row = 0; row < Rows.Count; row++)
            {
                foreach (ref var value in new Span<float>(Rows.Row(row), dimension))
                {
                    value = (float)random.NextNormal() / 2;
                }
            }
            kernel = new(dimension, Window, targets.Most, Mean, wide);
        }

        public int Dimension { get; }

        public bool Mean { get; }

        public (double Start, double End) Rate { get; }

        public WindowSample Sample { get; }

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

        public Reference(Case one)
            : this(one, one.Rows.Values)
        {
        }

        public Reference(Case one, ReadOnlySpan<float> values, (int Row, int K)? moved = null, double by = 0)
        {
            Values = new double[one.Rows.Count][];
            for (var row = 0; row < one.Rows.Count; row++)
            {
                Values[row] = [.. values.Slice(row * one.Rows.Width, one.Dimension).ToArray().Select((value, k) => value + (moved == (row, k) ? by : 0))];
            }
            var words = one.Sample.Words.ToArray();
            var means = new Mean?[words.Length]; // of the words in reach, where words are made of n-grams
            for (var centre = 0; centre < words.Length; centre++)
            {
                double[] VectorOf(int position) => one.Sample.Subwords is { } subwords
                    ? (means[position] ??= MeanOf(subwords.Located(words[position]).ToArray().Select(row => Values[row]))).Vector
                    : Values[one.Sample.Inputs[position]];
                var inReach = Enumerable.Range(0, words.Length).Where(i => Math.Abs(i - centre) <= Window).Select(VectorOf).ToArray();
                var window = Enumerable.Range(0, words.Length).Where(i => i != centre && Math.Abs(i - centre) <= one.Sample.Windows[centre]).Select(VectorOf).ToArray();
                Train(one, centre, words[centre], window, one.Rate.Start + (one.Rate.End - one.Rate.Start) * centre / words.Length);
                if (centre >= Window)
                {
                    means[centre - Window]?.Move();
                }
            }
            Array.ForEach(means[Math.Max(0, words.Length - Window)..], mean => mean?.Move());
        }

        public double[][] Values { get; }

        public double Loss { get; private set; }

        public long Pairs { get; private set; }

        private static Mean MeanOf(IEnumerable<double[]> rows) => new([.. rows]);

        private void Train(Case one, int centre, int word, double[][] window, double rate)
        {
            if (window.Length == 0)
            {
                return;
            }
            var rows = one.Sample.Targets.Of(centre, word, out var positives).ToArray();
            var mean = one.Mean ? MeanOf(window) : null;
            double[][] inputs = mean is null ? window : [mean.Vector];
            Pairs += inputs.Length;
            foreach (var group in rows.Select((row, i) => (Values[row], (positives >> i & 1) == 1)).Chunk(Group))
            {
                Descend(inputs, group, rate);
            }
            mean?.Move();
        }

        private void Descend(double[][] inputs, (double[] Vector, bool IsPositive)[] outputs, double rate)
        {
            var slopes = new double[inputs.Length, outputs.Length];
            for (var i = 0; i < inputs.Length; i++)
            {
                for (var j = 0; j < outputs.Length; j++)
                {
                    var product = inputs[i].Zip(outputs[j].Vector, (x, y) => x * y).Sum();
                    Loss += Math.Log(1 + Math.Exp(outputs[j].IsPositive ? -product : product));
                    slopes[i, j] = 1 / (1 + Math.Exp(-product)) - (outputs[j].IsPositive ? 1 : 0);
                }
            }
            for (var k = 0; k < inputs[0].Length; k++)
            {
                var old = outputs.Select(output => output.Vector[k]).ToArray();
                for (var i = 0; i < inputs.Length; i++)
                {
                    // A word that stands twice in the window has moved when its second turn comes.
                    var input = inputs[i][k];
                    for (var j = 0; j < outputs.Length; j++)
                    {
                        inputs[i][k] -= rate * slopes[i, j] * old[j];
                        outputs[j].Vector[k] -= rate * slopes[i, j] * input;
                    }
                }
            }
        }

        private sealed class Mean
        {
            private readonly double[][] rows;
            private readonly double[] before;

            public Mean(double[][] rows)
            {
                this.rows = rows;
                before = [.. rows[0].Select((_, k) => rows.Average(row => row[k]))];
                Vector = [.. before];
            }

            public double[] Vector { get; }

            /// <summary>Each row moves by the mean's change.</summary>
            public void Move()
            {
                foreach (var row in rows)
                {
                    for (var k = 0; k < row.Length; k++)
                    {
                        row[k] += Vector[k] - before[k];
                    }
                }
            }
        }
    }
}

using Granary.Models.Word2Vec;
using Granary.Training.Frames;
using Granary.Training.Numerics;
using Granary.Training.Randomness;

namespace Granary.Models.Tests.Word2Vec;

/// <summary>The kernel against the same thing in double precision, one pair after the other.</summary>
public unsafe class SkipGramKernelTests
{
    private const int Words = 20, Window = 3;

    [Theory]
    [InlineData(1, 1)]
    [InlineData(7, 5)]
    [InlineData(16, 6)]
    [InlineData(100, 5)]
    [InlineData(130, 13)]
    public void Gradient_OfAnyShape_EqualsTheReference(int dimension, int negatives)
    {
        using var one = new Case(dimension, negatives);
        var (loss, pairs) = one.Compute();
        var reference = new Reference(one);

        Assert.Equal(reference.Pairs, pairs);
        Assert.Equal(reference.Loss, loss, 1e-4 * reference.Loss);
        for (var row = 0; row < 2 * Words; row++)
        {
            for (var k = 0; k < dimension; k++)
            {
                Assert.Equal(reference.Gradient[row, k], one.Gradient(row, k), 1e-4);
            }
            Assert.Equal(reference.Squares[row], one.Gradient(row, dimension), 1e-4 * reference.Squares[row] + 1e-6);
        }
    }

    [Fact]
    public void Gradient_EqualsTheSlopeOfTheLoss()
    {
        const double Step = 1e-5;
        using var one = new Case(dimension: 7, negatives: 5);
        one.Compute();
        for (var row = 0; row < 2 * Words; row++)
        {
            for (var k = 0; k < one.Dimension; k++)
            {
                double up = new Reference(one, (row, k), Step).Loss, down = new Reference(one, (row, k), -Step).Loss;
                Assert.Equal((up - down) / (2 * Step), one.Gradient(row, k), 1e-3);
            }
        }
    }

    private sealed class Case : IDisposable
    {
        private readonly NativeFloats input, output;
        private readonly SkipGramKernel kernel;
        private readonly SparseRows rows;

        public Case(int dimension, int negatives)
        {
            Dimension = dimension;
            Negatives = negatives;
            var random = new StepRandom(7);
            input = Fill(Words * dimension, ref random);
            output = Fill(Words * dimension, ref random);
            var text = Enumerable.Range(0, 60).Select(i => i * i % Words).ToArray();
            var counts = Enumerable.Repeat(1L, Words).ToArray();
            Sample = new(new(counts, sample: 0), new([.. counts]), Window, negatives);
            Sample.Draw(text, ref random);
            kernel = new(dimension, Window, negatives);
            rows = new(SkipGramKernel.PaddedWidth(dimension));
        }

        public int Dimension { get; }

        public int Negatives { get; }

        public SkipGramSample Sample { get; }

        public double Value(int row, int k) => row < Words ? input.Span[row * Dimension + k] : output.Span[(row - Words) * Dimension + k];

        public float Gradient(int row, int k) => rows.Row(row)[k];

        public (double Loss, long Pairs) Compute()
        {
            var index = new RowIndex(2 * Words);
            for (var row = 0; row < 2 * Words; row++)
            {
                index.Mark(row);
            }
            index.Lay(rows);
            return kernel.Accumulate(Sample, input.Pointer, output.Pointer, rows, index, outputRows: Words);
        }

        public void Dispose()
        {
            input.Dispose();
            output.Dispose();
            kernel.Dispose();
            rows.Dispose();
        }

        private static NativeFloats Fill(int length, ref StepRandom random)
        {
            var values = new NativeFloats(length);
            foreach (ref var value in values.Span)
            {
                value = (float)random.NextNormal() / 2;
            }
            return values;
        }
    }

    private sealed class Reference
    {
        public Reference(Case one, (int Row, int K)? moved = null, double by = 0)
        {
            double Value(int row, int k) => one.Value(row, k) + (moved == (row, k) ? by : 0);

            Gradient = new double[2 * Words, one.Dimension];
            Squares = new double[2 * Words];
            var words = one.Sample.Words;
            for (var centre = 0; centre < words.Length; centre++)
            {
                for (var i = Math.Max(0, centre - one.Sample.Windows[centre]); i <= Math.Min(words.Length - 1, centre + one.Sample.Windows[centre]); i++)
                {
                    if (i == centre)
                    {
                        continue;
                    }
                    Pairs++;
                    foreach (var (place, word) in new[] { words[centre] }.Concat(one.Sample.Negatives(centre).ToArray()).Index())
                    {
                        int context = words[i], output = Words + word;
                        double product = 0, inputSquares = 0, outputSquares = 0;
                        for (var k = 0; k < one.Dimension; k++)
                        {
                            product += Value(context, k) * Value(output, k);
                            inputSquares += Value(context, k) * Value(context, k);
                            outputSquares += Value(output, k) * Value(output, k);
                        }
                        Loss += Math.Log(1 + Math.Exp(place == 0 ? -product : product));
                        var slope = 1 / (1 + Math.Exp(-product)) - (place == 0 ? 1 : 0);
                        for (var k = 0; k < one.Dimension; k++)
                        {
                            Gradient[context, k] += slope * Value(output, k);
                            Gradient[output, k] += slope * Value(context, k);
                        }
                        Squares[context] += outputSquares;
                        Squares[output] += inputSquares;
                    }
                }
            }
        }

        public double Loss { get; }

        public long Pairs { get; }

        public double[,] Gradient { get; }

        public double[] Squares { get; }
    }
}

using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.Arm;
using System.Runtime.Intrinsics.X86;
using Granary.Training.Frames;
using Granary.Training.Numerics;

namespace Granary.Models.Word2Vec;

/// <summary>
/// Loss and gradient of skip-gram with negative sampling, without automatic differentiation. Every word in the window of
/// a centre word (an input) shall tell that centre (an output) from its negatives (outputs too). Sums run in 16 fixed
/// lanes, so that the bits do not depend on the machine's vector width.
/// </summary>
internal sealed unsafe class SkipGramKernel : IDisposable
{
    // Six outputs at a time: their accumulators, their values and what meets them just fit into the registers.
    private const int Block = 6, Lanes = 16, Slots = 8, MaxFactors = 64;
    private readonly int dimension, width, window, negatives, ring;
    private readonly NativeFloats inputs, inputGradients, outputs, outputGradients, slopes;
    private readonly int[] contexts;
    private readonly float[] inputSquares;
    private Vector512<float> linear, product;
    private int factors;

    /// <param name="dimension">Floats of a word's vector.</param>
    /// <param name="window">How far a window reaches at most.</param>
    public SkipGramKernel(int dimension, int window, int negatives)
    {
        this.dimension = dimension;
        this.window = window;
        this.negatives = negatives;
        width = PaddedWidth(dimension);
        ring = (int)BitOperations.RoundUpToPowerOf2((uint)(2 * window + 1));
        inputs = new(ring * width);
        inputGradients = new(ring * width);
        outputs = new((negatives / Block + 1) * Block * width);
        outputGradients = new(Block * width);
        slopes = new((2 * window + 1) * Slots);
        contexts = new int[2 * window];
        inputSquares = new float[ring];
    }

    /// <summary>Floats of a row in a frame: a gradient, the squares of what it was made from, zeros up to whole vectors.</summary>
    public static int PaddedWidth(int dimension) => (dimension + Lanes) / Lanes * Lanes;

    /// <summary>Adds the gradients of all pairs of the sample to a frame's rows.</summary>
    /// <param name="input">Input vectors of all words, without padding.</param>
    /// <param name="output">Output vectors likewise.</param>
    /// <param name="index">Where the rows lie in the frame.</param>
    /// <param name="outputRows">What to add to a word's number to have its output's row.</param>
    /// <returns>The loss summed over pairs, and their number. A pair is a word with a centre and all its negatives.</returns>
    public (double LossSum, long Pairs) Accumulate(SkipGramSample sample, float* input, float* output, SparseRows frame, RowIndex index, int outputRows)
    {
        // A word's vector and gradient stay in a small ring while windows reach it: tables and frame are large and far away.
        var words = sample.Words;
        TakeLoss();
        int loaded = 0, stored = 0;
        double loss = 0;
        long pairs = 0;
        for (var centre = 0; centre < words.Length; centre++)
        {
            var reach = sample.Windows[centre];
            int first = Math.Max(0, centre - reach), last = Math.Min(words.Length - 1, centre + reach);
            for (; stored < centre - window; stored++)
            {
                AddTo(frame.Row(index[words[stored]]), inputGradients.Pointer + Place(stored));
            }
            for (; loaded <= last; loaded++)
            {
                inputSquares[loaded & (ring - 1)] = Read(input + (long)words[loaded] * dimension, inputs.Pointer + Place(loaded));
            }
            Prefetch(sample, centre + 1, output, frame, index, outputRows);
            var count = 0;
            float contextSquares = 0;
            for (var position = first; position <= last; position++)
            {
                if (position != centre)
                {
                    contexts[count++] = Place(position);
                    contextSquares += inputSquares[position & (ring - 1)];
                }
            }
            for (var start = 0; start <= negatives && count > 0; start += Block)
            {
                var used = Math.Min(Block, negatives + 1 - start);
                var block = outputs.Pointer + start * width;
                float outputSquares = 0;
                for (var i = 0; i < used; i++)
                {
                    outputSquares += Read(output + (long)Output(sample, centre, start + i) * dimension, block + i * width);
                }
                Multiply(count, block);
                loss += Differentiate(count, used, positive: start == 0);
                Propagate(count, block);
                for (var i = 0; i < count; i++)
                {
                    inputGradients.Pointer[contexts[i] + dimension] += outputSquares;
                }
                for (var i = 0; i < used; i++)
                {
                    outputGradients.Pointer[i * width + dimension] = contextSquares;
                    AddTo(frame.Row(index[outputRows + Output(sample, centre, start + i)]), outputGradients.Pointer + i * width);
                }
            }
            pairs += count;
        }
        for (; stored < loaded; stored++)
        {
            AddTo(frame.Row(index[words[stored]]), inputGradients.Pointer + Place(stored));
        }
        return (loss + TakeLoss(), pairs);
    }

    public void Dispose()
    {
        inputs.Dispose();
        inputGradients.Dispose();
        outputs.Dispose();
        outputGradients.Dispose();
        slopes.Dispose();
    }

    /// <summary>Fetches what the next centre word will need into the cache while this one is computed.</summary>
    private void Prefetch(SkipGramSample sample, int centre, float* output, SparseRows frame, RowIndex index, int outputRows)
    {
        if (!Sse.IsSupported || centre >= sample.Count)
        {
            return;
        }
        for (var i = 0; i <= negatives; i++)
        {
            var word = Output(sample, centre, i);
            float* vector = output + (long)word * dimension, sum = frame.Row(index[outputRows + word]);
            for (var k = 0; k < width; k += Lanes)
            {
                Sse.Prefetch0(vector + k);
                Sse.Prefetch0(sum + k);
            }
        }
    }

    private static int Output(SkipGramSample sample, int centre, int number) =>
        number == 0 ? sample.Words[centre] : sample.Negatives(centre)[number - 1];

    private int Place(int position) => (position & (ring - 1)) * width;

    /// <summary>Copies a row into scratch memory, which stays zero beyond the dimension.</summary>
    /// <returns>The sum of its squares.</returns>
    private float Read(float* row, float* into)
    {
        new ReadOnlySpan<float>(row, dimension).CopyTo(new(into, dimension));
        var squares = Vector512<float>.Zero;
        for (var k = 0; k < width; k += Lanes)
        {
            squares = Vector512.FusedMultiplyAdd(Vector512.Load(into + k), Vector512.Load(into + k), squares);
        }
        return Sums(squares, default, default, default)[0];
    }

    /// <summary>Moves a gradient from scratch memory, which is zero afterwards, to where it is summed.</summary>
    private void AddTo(float* sum, float* gradient)
    {
        for (var k = 0; k < width; k += Lanes)
        {
            (Vector512.Load(sum + k) + Vector512.Load(gradient + k)).Store(sum + k);
            Vector512<float>.Zero.Store(gradient + k);
        }
    }

    /// <summary>Slopes = the products of each context row with six output rows.</summary>
    private void Multiply(int count, float* block)
    {
        float* w0 = block, w1 = w0 + width, w2 = w1 + width, w3 = w2 + width, w4 = w3 + width, w5 = w4 + width;
        for (var i = 0; i < count; i++)
        {
            var row = inputs.Pointer + contexts[i];
            Vector512<float> s0 = default, s1 = default, s2 = default, s3 = default, s4 = default, s5 = default;
            for (var k = 0; k < width; k += Lanes)
            {
                var x = Vector512.Load(row + k);
                s0 = Vector512.FusedMultiplyAdd(x, Vector512.Load(w0 + k), s0);
                s1 = Vector512.FusedMultiplyAdd(x, Vector512.Load(w1 + k), s1);
                s2 = Vector512.FusedMultiplyAdd(x, Vector512.Load(w2 + k), s2);
                s3 = Vector512.FusedMultiplyAdd(x, Vector512.Load(w3 + k), s3);
                s4 = Vector512.FusedMultiplyAdd(x, Vector512.Load(w4 + k), s4);
                s5 = Vector512.FusedMultiplyAdd(x, Vector512.Load(w5 + k), s5);
            }
            Sums(s0, s1, s2, s3).Store(slopes.Pointer + i * Slots);
            Sums(s4, s5, default, default).Store(slopes.Pointer + i * Slots + Slots / 2);
        }
    }

    /// <summary>
    /// Turns products into slopes of the loss, two context rows in a vector. The loss of a pair is log(1 + exp(z)), where z is
    /// the product for a negative and minus the product for the positive.
    /// </summary>
    private double Differentiate(int count, int used, bool positive)
    {
        var lane = Vector512<int>.Indices & Vector512.Create(Slots - 1);
        var sign = Vector512.ConditionalSelect(Vector512.Equals(lane, Vector512<int>.Zero).AsSingle() & Vector512.Create(positive ? -1 : 0).AsSingle(), Vector512.Create(-1f), Vector512<float>.One);
        var inUse = Vector512.LessThan(lane, Vector512.Create(used)).AsSingle();
        var lower = Vector512.LessThan(Vector512<int>.Indices, Vector512.Create(Slots)).AsSingle();
        for (var i = 0; i < count; i += 2)
        {
            var at = slopes.Pointer + i * Slots;
            var z = Vector512.Load(at) * sign;
            var e = ExpOfMinus(Vector512.Abs(z));
            var inverse = Vector512<float>.One / (Vector512<float>.One + e);
            (sign * Vector512.ConditionalSelect(Vector512.GreaterThan(z, Vector512<float>.Zero), inverse, e * inverse)).Store(at);
            // The logarithms are taken once at the end: log(1 + exp(z)) = max(z, 0) + log(1 + e), and 1 + e is at most 2.
            var counts = i + 1 < count ? inUse : inUse & lower;
            linear += Vector512.Max(z, Vector512<float>.Zero) & counts;
            product *= Vector512<float>.One + (e & counts);
        }
        factors += (count + 1) / 2;
        return factors < MaxFactors ? 0 : TakeLoss();
    }

    private double TakeLoss()
    {
        double loss = 0;
        for (var i = 0; i < Lanes; i++)
        {
            loss += linear[i] + Math.Log(product[i]);
        }
        linear = Vector512<float>.Zero;
        product = Vector512<float>.One;
        factors = 0;
        return loss;
    }

    /// <summary>Input gradients += slopes times output rows; output gradients = slopes times context rows.</summary>
    private void Propagate(int count, float* block)
    {
        for (var k = 0; k < width; k += Lanes)
        {
            var w = block + k;
            Vector512<float> w0 = Vector512.Load(w), w1 = Vector512.Load(w += width), w2 = Vector512.Load(w += width);
            Vector512<float> w3 = Vector512.Load(w += width), w4 = Vector512.Load(w += width), w5 = Vector512.Load(w + width);
            Vector512<float> d0 = default, d1 = default, d2 = default, d3 = default, d4 = default, d5 = default;
            for (var i = 0; i < count; i++)
            {
                var x = Vector512.Load(inputs.Pointer + contexts[i] + k);
                var gradient = inputGradients.Pointer + contexts[i] + k;
                var slope = slopes.Pointer + i * Slots;
                Vector512<float> g0 = Vector512.Create(slope[0]), g1 = Vector512.Create(slope[1]), g2 = Vector512.Create(slope[2]);
                Vector512<float> g3 = Vector512.Create(slope[3]), g4 = Vector512.Create(slope[4]), g5 = Vector512.Create(slope[5]);
                var even = Vector512.FusedMultiplyAdd(g0, w0, Vector512.Load(gradient));
                var odd = g1 * w1;
                even = Vector512.FusedMultiplyAdd(g2, w2, even);
                odd = Vector512.FusedMultiplyAdd(g3, w3, odd);
                even = Vector512.FusedMultiplyAdd(g4, w4, even);
                odd = Vector512.FusedMultiplyAdd(g5, w5, odd);
                (even + odd).Store(gradient);
                d0 = Vector512.FusedMultiplyAdd(g0, x, d0);
                d1 = Vector512.FusedMultiplyAdd(g1, x, d1);
                d2 = Vector512.FusedMultiplyAdd(g2, x, d2);
                d3 = Vector512.FusedMultiplyAdd(g3, x, d3);
                d4 = Vector512.FusedMultiplyAdd(g4, x, d4);
                d5 = Vector512.FusedMultiplyAdd(g5, x, d5);
            }
            var d = outputGradients.Pointer + k;
            d0.Store(d);
            d1.Store(d += width);
            d2.Store(d += width);
            d3.Store(d += width);
            d4.Store(d += width);
            d5.Store(d + width);
        }
    }

    /// <summary>exp(-x) for x at least 0, within two units in the last place or so: a power of two and a polynomial.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> ExpOfMinus(Vector512<float> x)
    {
        // Adding 1.5 * 2^23 rounds to the nearest whole number, which then stands in the low bits.
        var shift = Vector512.Create(12582912f);
        var exponent = Vector512.Min(x, Vector512.Create(80f)) * -1.44269504f;
        var rounded = exponent + shift;
        var f = (exponent - (rounded - shift)) * 0.693147182f;
        var p = Vector512.FusedMultiplyAdd(Vector512.Create(1f / 720), f, Vector512.Create(1f / 120));
        p = Vector512.FusedMultiplyAdd(p, f, Vector512.Create(1f / 24));
        p = Vector512.FusedMultiplyAdd(p, f, Vector512.Create(1f / 6));
        p = Vector512.FusedMultiplyAdd(p, f, Vector512.Create(0.5f));
        p = Vector512.FusedMultiplyAdd(p, f, Vector512<float>.One);
        p = Vector512.FusedMultiplyAdd(p, f, Vector512<float>.One);
        return (p.AsInt32() + (rounded.AsInt32() << 23)).AsSingle();
    }

    /// <summary>The lanes of each vector added up, in halves: the same order on every machine.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<float> Sums(Vector512<float> a, Vector512<float> b, Vector512<float> c, Vector512<float> d) =>
        AddPairs(AddPairs(Quarter(a), Quarter(b)), AddPairs(Quarter(c), Quarter(d)));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<float> Quarter(Vector512<float> lanes)
    {
        var half = lanes.GetLower() + lanes.GetUpper();
        return half.GetLower() + half.GetUpper();
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<float> AddPairs(Vector128<float> a, Vector128<float> b) =>
        Sse3.IsSupported ? Sse3.HorizontalAdd(a, b)
        : AdvSimd.Arm64.IsSupported ? AdvSimd.Arm64.AddPairwise(a, b)
        : Vector128.Create(a[0] + a[1], a[2] + a[3], b[0] + b[1], b[2] + b[3]);
}

using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.Arm;
using System.Runtime.Intrinsics.X86;
using Granary.Training.Numerics;

namespace Granary.Models.Word2Vec;

/// <summary>
/// One step of gradient descent: all words of a window (inputs) against six outputs, such as the centre word and its negatives. All
/// products are taken first, then both sides move. Sums run in 16 fixed lanes, so that the bits do not depend on the
/// machine's vector width.
/// </summary>
internal sealed unsafe class WindowStep(int dimension, int mostInputs, bool wide) : IDisposable
{
    /// <summary>Outputs of a step. Their values and their changes just fit into 16 registers.</summary>
    public const int Outputs = 6;

    // The slopes of an input: two groups of three outputs, each with an empty place behind.
    private const int Group = 3, Slots = 8, Lanes = 16;
    private const int MostFactors = 120;
    private readonly int width = (dimension + Lanes - 1) / Lanes * Lanes;
    private readonly int columns = (dimension + Vector256<float>.Count - 1) / Vector256<float>.Count * Vector256<float>.Count;
    private readonly NativeFloats slopes = new((mostInputs + 1) * Slots);
    private Vector256<float> linear, product = Vector256<float>.One;
    private int factors;
    private double loss;

    /// <param name="inputs">Rows, zero beyond the dimension up to whole cache lines. One more pointer than <paramref name="count"/> is read.</param>
    /// <param name="outputs">Six such rows; one that stands twice moves twice.</param>
    /// <param name="used">How many of the outputs count; the others stay as they are.</param>
    /// <param name="positives">A bit for each output, the first one's lowest: whether the inputs are to say yes to it, as to the centre word.</param>
    /// <param name="rate">Learning rate.</param>
    public void Take(float** inputs, int count, float** outputs, int used, int positives, float rate)
    {
        inputs[count] = inputs[count - 1];
        if (wide)
        {
            Multiply512(inputs, count, outputs);
            Differentiate(count, used, positives, rate);
            Move512(inputs, count, outputs);
        }
        else
        {
            Multiply256(inputs, count, outputs);
            Differentiate(count, used, positives, rate);
            Move256(inputs, count, outputs);
        }
    }

    /// <summary>The loss of all steps since the last call, summed over inputs and outputs, each before its step.</summary>
    public double TakeLoss()
    {
        CollectLoss();
        var taken = loss;
        loss = 0;
        return taken;
    }

    public void Dispose() => slopes.Dispose();

    /// <summary>Slopes = the products of each input with six outputs; two by three at a time, for which there are registers.</summary>
    private void Multiply256(float** inputs, int count, float** outputs)
    {
        for (var i = 0; i < count; i += 2)
        {
            float* x = inputs[i], y = inputs[i + 1];
            for (var j = 0; j < Outputs; j += Group)
            {
                float* u = outputs[j], v = outputs[j + 1], w = outputs[j + 2];
                Vector256<float> xu = default, xv = default, xw = default, yu = default, yv = default, yw = default;
                Vector256<float> xuHigh = default, xvHigh = default, xwHigh = default, yuHigh = default, yvHigh = default, ywHigh = default;
                for (var k = 0; k < width; k += Lanes)
                {
                    Vector256<float> a = Vector256.Load(x + k), b = Vector256.Load(y + k);
                    var c = Vector256.Load(u + k);
                    xu = Vector256.FusedMultiplyAdd(a, c, xu);
                    yu = Vector256.FusedMultiplyAdd(b, c, yu);
                    c = Vector256.Load(v + k);
                    xv = Vector256.FusedMultiplyAdd(a, c, xv);
                    yv = Vector256.FusedMultiplyAdd(b, c, yv);
                    c = Vector256.Load(w + k);
                    xw = Vector256.FusedMultiplyAdd(a, c, xw);
                    yw = Vector256.FusedMultiplyAdd(b, c, yw);
                    a = Vector256.Load(x + k + 8);
                    b = Vector256.Load(y + k + 8);
                    c = Vector256.Load(u + k + 8);
                    xuHigh = Vector256.FusedMultiplyAdd(a, c, xuHigh);
                    yuHigh = Vector256.FusedMultiplyAdd(b, c, yuHigh);
                    c = Vector256.Load(v + k + 8);
                    xvHigh = Vector256.FusedMultiplyAdd(a, c, xvHigh);
                    yvHigh = Vector256.FusedMultiplyAdd(b, c, yvHigh);
                    c = Vector256.Load(w + k + 8);
                    xwHigh = Vector256.FusedMultiplyAdd(a, c, xwHigh);
                    ywHigh = Vector256.FusedMultiplyAdd(b, c, ywHigh);
                }
                var slope = slopes.Pointer + i * Slots + j / Group * (Slots / 2);
                Sums(xu + xuHigh, xv + xvHigh, xw + xwHigh).Store(slope);
                Sums(yu + yuHigh, yv + yvHigh, yw + ywHigh).Store(slope + Slots);
            }
        }
    }

    private void Multiply512(float** inputs, int count, float** outputs)
    {
        float* o0 = outputs[0], o1 = outputs[1], o2 = outputs[2], o3 = outputs[3], o4 = outputs[4], o5 = outputs[5];
        for (var i = 0; i < count; i += 2)
        {
            float* x = inputs[i], y = inputs[i + 1];
            Vector512<float> x0 = default, x1 = default, x2 = default, x3 = default, x4 = default, x5 = default;
            Vector512<float> y0 = default, y1 = default, y2 = default, y3 = default, y4 = default, y5 = default;
            for (var k = 0; k < width; k += Lanes)
            {
                Vector512<float> a = Vector512.Load(x + k), b = Vector512.Load(y + k);
                var c = Vector512.Load(o0 + k);
                x0 = Vector512.FusedMultiplyAdd(a, c, x0);
                y0 = Vector512.FusedMultiplyAdd(b, c, y0);
                c = Vector512.Load(o1 + k);
                x1 = Vector512.FusedMultiplyAdd(a, c, x1);
                y1 = Vector512.FusedMultiplyAdd(b, c, y1);
                c = Vector512.Load(o2 + k);
                x2 = Vector512.FusedMultiplyAdd(a, c, x2);
                y2 = Vector512.FusedMultiplyAdd(b, c, y2);
                c = Vector512.Load(o3 + k);
                x3 = Vector512.FusedMultiplyAdd(a, c, x3);
                y3 = Vector512.FusedMultiplyAdd(b, c, y3);
                c = Vector512.Load(o4 + k);
                x4 = Vector512.FusedMultiplyAdd(a, c, x4);
                y4 = Vector512.FusedMultiplyAdd(b, c, y4);
                c = Vector512.Load(o5 + k);
                x5 = Vector512.FusedMultiplyAdd(a, c, x5);
                y5 = Vector512.FusedMultiplyAdd(b, c, y5);
            }
            var slope = slopes.Pointer + i * Slots;
            Sums(Half(x0), Half(x1), Half(x2)).Store(slope);
            Sums(Half(x3), Half(x4), Half(x5)).Store(slope + Slots / 2);
            Sums(Half(y0), Half(y1), Half(y2)).Store(slope + Slots);
            Sums(Half(y3), Half(y4), Half(y5)).Store(slope + Slots + Slots / 2);
        }
    }

    /// <summary>
    /// Turns products into minus the slopes of the loss, times the rate. The loss is log(1 + exp(z)), where z is the product
    /// for a negative and minus the product for a positive.
    /// </summary>
    private void Differentiate(int count, int used, int positives, float rate)
    {
        var lane = Vector256<int>.Indices;
        var output = lane - (Vector256.GreaterThan(lane, Vector256.Create(Group)) & Vector256<int>.One);
        var inUse = (Vector256.LessThan(output, Vector256.Create(used)) & ~Vector256.Equals(lane & Vector256.Create(Group), Vector256.Create(Group))).AsSingle();
        var bit = Vector256.Create(1, 2, 4, 0, 8, 16, 32, 0);
        var isPositive = Vector256.GreaterThan(Vector256.Create(positives) & bit, Vector256<int>.Zero).AsSingle();
        var sign = Vector256.ConditionalSelect(isPositive, Vector256.Create(-1f), Vector256<float>.One);
        var step = sign * -rate & inUse;
        for (var i = 0; i < count; i++)
        {
            var at = slopes.Pointer + i * Slots;
            var z = Vector256.Load(at) * sign;
            var e = ExpOfMinus(Vector256.Abs(z));
            var inverse = Vector256<float>.One / (Vector256<float>.One + e);
            (step * Vector256.ConditionalSelect(Vector256.GreaterThan(z, Vector256<float>.Zero), inverse, e * inverse)).Store(at);
            // The logarithms are taken once at the end: log(1 + exp(z)) = max(z, 0) + log(1 + e), and 1 + e is at most 2.
            linear += Vector256.Max(z, Vector256<float>.Zero) & inUse;
            product *= Vector256<float>.One + (e & inUse);
            if (++factors == MostFactors)
            {
                CollectLoss();
            }
        }
    }

    private void CollectLoss()
    {
        for (var i = 0; i < Vector256<float>.Count; i++)
        {
            loss += linear[i] + Math.Log(product[i]);
        }
        linear = Vector256<float>.Zero;
        product = Vector256<float>.One;
        factors = 0;
    }

    /// <summary>Inputs += slopes times outputs; outputs += slopes times inputs, both as they were. A word that stands twice in the window moves in between.</summary>
    private void Move256(float** inputs, int count, float** outputs)
    {
        float* o0 = outputs[0], o1 = outputs[1], o2 = outputs[2], o3 = outputs[3], o4 = outputs[4], o5 = outputs[5];
        for (var k = 0; k < columns; k += 8)
        {
            Vector256<float> w0 = Vector256.Load(o0 + k), w1 = Vector256.Load(o1 + k), w2 = Vector256.Load(o2 + k);
            Vector256<float> w3 = Vector256.Load(o3 + k), w4 = Vector256.Load(o4 + k), w5 = Vector256.Load(o5 + k);
            Vector256<float> d0 = default, d1 = default, d2 = default, d3 = default, d4 = default, d5 = default;
            var slope = slopes.Pointer;
            for (var i = 0; i < count; i++, slope += Slots)
            {
                var row = inputs[i] + k;
                var x = Vector256.Load(row);
                var g = Vector256.Create(slope[0]);
                d0 = Vector256.FusedMultiplyAdd(g, x, d0);
                var moved = Vector256.FusedMultiplyAdd(g, w0, x);
                g = Vector256.Create(slope[1]);
                d1 = Vector256.FusedMultiplyAdd(g, x, d1);
                moved = Vector256.FusedMultiplyAdd(g, w1, moved);
                g = Vector256.Create(slope[2]);
                d2 = Vector256.FusedMultiplyAdd(g, x, d2);
                moved = Vector256.FusedMultiplyAdd(g, w2, moved);
                g = Vector256.Create(slope[4]);
                d3 = Vector256.FusedMultiplyAdd(g, x, d3);
                moved = Vector256.FusedMultiplyAdd(g, w3, moved);
                g = Vector256.Create(slope[5]);
                d4 = Vector256.FusedMultiplyAdd(g, x, d4);
                moved = Vector256.FusedMultiplyAdd(g, w4, moved);
                g = Vector256.Create(slope[6]);
                d5 = Vector256.FusedMultiplyAdd(g, x, d5);
                moved = Vector256.FusedMultiplyAdd(g, w5, moved);
                moved.Store(row);
            }
            (Vector256.Load(o0 + k) + d0).Store(o0 + k);
            (Vector256.Load(o1 + k) + d1).Store(o1 + k);
            (Vector256.Load(o2 + k) + d2).Store(o2 + k);
            (Vector256.Load(o3 + k) + d3).Store(o3 + k);
            (Vector256.Load(o4 + k) + d4).Store(o4 + k);
            (Vector256.Load(o5 + k) + d5).Store(o5 + k);
        }
    }

    private void Move512(float** inputs, int count, float** outputs)
    {
        float* o0 = outputs[0], o1 = outputs[1], o2 = outputs[2], o3 = outputs[3], o4 = outputs[4], o5 = outputs[5];
        for (var k = 0; k < width; k += Lanes)
        {
            Vector512<float> w0 = Vector512.Load(o0 + k), w1 = Vector512.Load(o1 + k), w2 = Vector512.Load(o2 + k);
            Vector512<float> w3 = Vector512.Load(o3 + k), w4 = Vector512.Load(o4 + k), w5 = Vector512.Load(o5 + k);
            Vector512<float> d0 = default, d1 = default, d2 = default, d3 = default, d4 = default, d5 = default;
            var slope = slopes.Pointer;
            for (var i = 0; i < count; i++, slope += Slots)
            {
                var row = inputs[i] + k;
                var x = Vector512.Load(row);
                var g = Vector512.Create(slope[0]);
                d0 = Vector512.FusedMultiplyAdd(g, x, d0);
                var moved = Vector512.FusedMultiplyAdd(g, w0, x);
                g = Vector512.Create(slope[1]);
                d1 = Vector512.FusedMultiplyAdd(g, x, d1);
                moved = Vector512.FusedMultiplyAdd(g, w1, moved);
                g = Vector512.Create(slope[2]);
                d2 = Vector512.FusedMultiplyAdd(g, x, d2);
                moved = Vector512.FusedMultiplyAdd(g, w2, moved);
                g = Vector512.Create(slope[4]);
                d3 = Vector512.FusedMultiplyAdd(g, x, d3);
                moved = Vector512.FusedMultiplyAdd(g, w3, moved);
                g = Vector512.Create(slope[5]);
                d4 = Vector512.FusedMultiplyAdd(g, x, d4);
                moved = Vector512.FusedMultiplyAdd(g, w4, moved);
                g = Vector512.Create(slope[6]);
                d5 = Vector512.FusedMultiplyAdd(g, x, d5);
                moved = Vector512.FusedMultiplyAdd(g, w5, moved);
                moved.Store(row);
            }
            (Vector512.Load(o0 + k) + d0).Store(o0 + k);
            (Vector512.Load(o1 + k) + d1).Store(o1 + k);
            (Vector512.Load(o2 + k) + d2).Store(o2 + k);
            (Vector512.Load(o3 + k) + d3).Store(o3 + k);
            (Vector512.Load(o4 + k) + d4).Store(o4 + k);
            (Vector512.Load(o5 + k) + d5).Store(o5 + k);
        }
    }

    /// <summary>exp(-x) for x at least 0, within two units in the last place or so: a power of two and a polynomial.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<float> ExpOfMinus(Vector256<float> x)
    {
        // Adding 1.5 * 2^23 rounds to the nearest whole number, which then stands in the low bits.
        var shift = Vector256.Create(12582912f);
        var exponent = Vector256.Min(x, Vector256.Create(80f)) * -1.44269504f;
        var rounded = exponent + shift;
        var f = (exponent - (rounded - shift)) * 0.693147182f;
        var p = Vector256.FusedMultiplyAdd(Vector256.Create(1f / 720), f, Vector256.Create(1f / 120));
        p = Vector256.FusedMultiplyAdd(p, f, Vector256.Create(1f / 24));
        p = Vector256.FusedMultiplyAdd(p, f, Vector256.Create(1f / 6));
        p = Vector256.FusedMultiplyAdd(p, f, Vector256.Create(0.5f));
        p = Vector256.FusedMultiplyAdd(p, f, Vector256<float>.One);
        p = Vector256.FusedMultiplyAdd(p, f, Vector256<float>.One);
        return (p.AsInt32() + (rounded.AsInt32() << 23)).AsSingle();
    }

    /// <summary>The lanes of each vector added up, in halves: the same order on every machine.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<float> Sums(Vector256<float> a, Vector256<float> b, Vector256<float> c) =>
        AddPairs(AddPairs(Half(a), Half(b)), AddPairs(Half(c), default));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<float> Half(Vector512<float> lanes) => lanes.GetLower() + lanes.GetUpper();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<float> Half(Vector256<float> lanes) => lanes.GetLower() + lanes.GetUpper();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<float> AddPairs(Vector128<float> a, Vector128<float> b) =>
        Sse3.IsSupported ? Sse3.HorizontalAdd(a, b)
        : AdvSimd.Arm64.IsSupported ? AdvSimd.Arm64.AddPairwise(a, b)
        : Vector128.Create(a[0] + a[1], a[2] + a[3], b[0] + b[1], b[2] + b[3]);
}

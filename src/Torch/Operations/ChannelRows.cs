// R rows, one for each place of each image; C channels, which lie side by side
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Granary.Torch.Operations;

/// <summary>What batch normalization does with the rows of images whose channels lie side by side: sums over all rows, and maps of each value.</summary>
internal static unsafe class ChannelRows
{
    // Added up in single precision, then in double.
    private const int RowsAtATime = 64;

    // Rows that are added up beside each other: one sum alone waits for itself.
    private const int Chains = 4;

    /// <summary>The sums of each channel's values, and of their squares, both less the first row's value, so that large means take no digits.</summary>
    /// <param name="sums_2C">Must be 0.</param>
    public static void Sums(float* x_RC, long rows, int channels, double* sums_2C)
    {
        for (var row = 0L; row < rows; row += RowsAtATime)
        {
            var end = Math.Min(rows, row + RowsAtATime);
            for (var i = 0; i < channels; i += Lanes.Count)
            {
                var count = Math.Min(Lanes.Count, channels - i);
                var pivot = Lanes.Load(x_RC + i, count);
                var (a, b, c, d) = (default(Pair), default(Pair), default(Pair), default(Pair));
                var r = row;
                for (; count == Lanes.Count && r <= end - Chains; r += Chains)
                {
                    var x = x_RC + r * channels + i;
                    a.AddSquare(Vector512.Load(x) - pivot);
                    b.AddSquare(Vector512.Load(x + channels) - pivot);
                    c.AddSquare(Vector512.Load(x + 2 * channels) - pivot);
                    d.AddSquare(Vector512.Load(x + 3 * channels) - pivot);
                }
                for (; r < end; r++)
                {
                    a.AddSquare(Lanes.Load(x_RC + r * channels + i, count) - pivot);
                }
                Pair.Add(a, b, c, d, sums_2C + i, sums_2C + channels + i, count);
            }
        }
    }

    /// <summary>y = x scale + shift, plus what is added; where that is negative, times the slope.</summary>
    /// <param name="added_RC">May be null.</param>
    public static void Forward(float* x_RC, float* added_RC, float* scale_C, float* shift_C, float slope, long rows, int channels, float* y_RC)
    {
        var whole = Lanes.Whole(channels);
        for (var row = 0L; row < rows; row++, x_RC += channels, y_RC += channels)
        {
            for (var i = 0; i < whole; i += Lanes.Count)
            {
                Activate(x_RC + i, added_RC == null ? null : added_RC + i, scale_C + i, shift_C + i, slope, y_RC + i, Lanes.Count);
            }
            if (whole < channels)
            {
                Activate(x_RC + whole, added_RC == null ? null : added_RC + whole, scale_C + whole, shift_C + whole, slope, y_RC + whole, channels - whole);
            }
            added_RC += added_RC == null ? 0 : channels;
        }
    }

    /// <summary>
    /// The gradient in front of the activation, which goes into <paramref name="through_RC"/> if that is not null, summed by channel; and the same
    /// times x less its mean.
    /// </summary>
    /// <param name="y_RC">The output, if something was added; else null: it is made anew.</param>
    /// <param name="sums_2C">Must be 0.</param>
    public static void BackwardSums(
        float* gradient_RC, float* x_RC, float* y_RC, float* scale_C, float* shift_C, float* mean_C, float slope, long rows, int channels, float* through_RC, double* sums_2C)
    {
        for (var row = 0L; row < rows; row += RowsAtATime)
        {
            var end = Math.Min(rows, row + RowsAtATime);
            for (var i = 0; i < channels; i += Lanes.Count)
            {
                var count = Math.Min(Lanes.Count, channels - i);
                var (scale, shift, mean) = (Lanes.Load(scale_C + i, count), Lanes.Load(shift_C + i, count), Lanes.Load(mean_C + i, count));
                var (a, b, c, d) = (default(Pair), default(Pair), default(Pair), default(Pair));
                var r = row;
                float* gradient = gradient_RC + r * channels + i, x = x_RC + r * channels + i;
                var (y, through) = (y_RC == null ? 0 : y_RC - x_RC, through_RC == null ? 0 : through_RC - x_RC);
                for (; count == Lanes.Count && r <= end - Chains; r += Chains)
                {
                    a.Add(gradient, x, y, scale, shift, mean, slope, through, Lanes.Count);
                    b.Add(gradient + channels, x + channels, y, scale, shift, mean, slope, through, Lanes.Count);
                    c.Add(gradient + 2 * channels, x + 2 * channels, y, scale, shift, mean, slope, through, Lanes.Count);
                    d.Add(gradient + 3 * channels, x + 3 * channels, y, scale, shift, mean, slope, through, Lanes.Count);
                    gradient += Chains * channels;
                    x += Chains * channels;
                }
                for (; r < end; r++, gradient += channels, x += channels)
                {
                    a.Add(gradient, x, y, scale, shift, mean, slope, through, count);
                }
                Pair.Add(a, b, c, d, sums_2C + i, sums_2C + channels + i, count);
            }
        }
    }

    /// <summary>The input's gradient: scale times that in front of the activation, plus x times a slope and a shift, by channel.</summary>
    /// <param name="through_RC">That gradient, if it was kept; else null: it is made anew.</param>
    public static void Backward(
        float* gradient_RC, float* x_RC, float* through_RC, float* scale_C, float* shift_C, float slope, float* xSlope_C, float* xShift_C, long rows, int channels, float* into_RC)
    {
        var whole = Lanes.Whole(channels);
        for (var row = 0L; row < rows; row++, gradient_RC += channels, x_RC += channels, into_RC += channels)
        {
            for (var i = 0; i < whole; i += Lanes.Count)
            {
                Spread(gradient_RC + i, x_RC + i, through_RC == null ? null : through_RC + i, scale_C + i, shift_C + i, slope, xSlope_C + i, xShift_C + i, into_RC + i, Lanes.Count);
            }
            if (whole < channels)
            {
                Spread(gradient_RC + whole, x_RC + whole, through_RC == null ? null : through_RC + whole, scale_C + whole, shift_C + whole, slope, xSlope_C + whole, xShift_C + whole, into_RC + whole, channels - whole);
            }
            through_RC += through_RC == null ? 0 : channels;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Activate(float* x, float* added, float* scale, float* shift, float slope, float* y, int count)
    {
        var value = Vector512.FusedMultiplyAdd(Lanes.Load(x, count), Lanes.Load(scale, count), Lanes.Load(shift, count));
        if (added != null)
        {
            value += Lanes.Load(added, count);
        }
        Lanes.Store(Vector512.ConditionalSelect(Vector512.LessThan(value, Vector512<float>.Zero), value * slope, value), y, count);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Spread(float* gradient, float* x, float* through, float* scale, float* shift, float slope, float* xSlope, float* xShift, float* into, int count)
    {
        var (value, factor) = (Lanes.Load(x, count), Lanes.Load(scale, count));
        var slowed = through == null ? Through(Lanes.Load(gradient, count), Vector512.FusedMultiplyAdd(value, factor, Lanes.Load(shift, count)), slope) : Lanes.Load(through, count);
        Lanes.Store(Vector512.FusedMultiplyAdd(slowed, factor, Vector512.FusedMultiplyAdd(value, Lanes.Load(xSlope, count), Lanes.Load(xShift, count))), into, count);
    }

    // As libtorch has it, nothing passes at 0.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> Through(Vector512<float> gradient, Vector512<float> y, float slope) =>
        Vector512.ConditionalSelect(Vector512.LessThanOrEqual(y, Vector512<float>.Zero), gradient * slope, gradient);

    /// <summary>Two sums of the same rows.</summary>
    private struct Pair
    {
        private Vector512<float> sum, products;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void AddSquare(Vector512<float> value)
        {
            sum += value;
            products = Vector512.FusedMultiplyAdd(value, value, products);
        }

        /// <param name="y">How far behind x it lies; 0: it is made anew. So for the gradient that is kept.</param>
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void Add(float* gradient, float* x, long y, Vector512<float> scale, Vector512<float> shift, Vector512<float> mean, float slope, long through, int count)
        {
            var value = Lanes.Load(x, count);
            var slowed = Through(Lanes.Load(gradient, count), y == 0 ? Vector512.FusedMultiplyAdd(value, scale, shift) : Lanes.Load(x + y, count), slope);
            if (through != 0)
            {
                Lanes.Store(slowed, x + through, count);
            }
            sum += slowed;
            products = Vector512.FusedMultiplyAdd(slowed, value - mean, products);
        }

        public static void Add(in Pair a, in Pair b, in Pair c, in Pair d, double* sums, double* products, int count)
        {
            Add(a.sum + b.sum + (c.sum + d.sum), sums, count);
            Add(a.products + b.products + (c.products + d.products), products, count);
        }

        private static void Add(Vector512<float> values, double* into, int count)
        {
            var floats = stackalloc float[Lanes.Count];
            values.Store(floats);
            for (var i = 0; i < count; i++)
            {
                into[i] += floats[i];
            }
        }
    }
}

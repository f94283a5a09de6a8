// B images, K channels, H height, W width
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Granary.Torch.Operations;

/// <summary>The maximum of each 2 x 2 places of images whose channels lie side by side.</summary>
internal sealed unsafe class MaxPooling : HandGradient
{
    private readonly Tensor x_BKHW;
    private readonly int channels, height, width;
    private readonly long rows;
    private Tensor? y_BKHW;

    private MaxPooling(Tensor x_BKHW)
    {
        (this.x_BKHW, channels, height, width) = (x_BKHW, (int)x_BKHW.size(1), (int)x_BKHW.size(2), (int)x_BKHW.size(3));
        rows = x_BKHW.size(0) * (height / 2);
    }

    /// <summary>The module's output; by hand for those of 2 x 2 places without overlap or padding.</summary>
    public static Tensor Of(MaxPool2d pool, Tensor x_BKHW) =>
        IsPlain(pool) && Takes(x_BKHW) && ChannelsLast.Holds(x_BKHW) && x_BKHW.size(1) >= Lanes.Count ? new MaxPooling(x_BKHW).Apply([x_BKHW]) : pool.call(x_BKHW);

    protected override Tensor Forward()
    {
        y_BKHW = ChannelsLast.Empty([x_BKHW.size(0), channels, height / 2, width / 2]);
        float* x = ChannelsLast.Floats(x_BKHW), y = ChannelsLast.Floats(y_BKHW);
        for (var row = 0L; row < rows; row++)
        {
            for (var column = 0; column < width / 2; column++, y += channels)
            {
                var (upper, lower) = Places(row, column);
                for (var i = 0; i < channels; i += Lanes.Count)
                {
                    // The last vector may overlap the one before: it says the same again.
                    var at = Math.Min(i, channels - Lanes.Count);
                    var above = Vector512.Max(Vector512.Load(x + upper + at), Vector512.Load(x + upper + channels + at));
                    var below = Vector512.Max(Vector512.Load(x + lower + at), Vector512.Load(x + lower + channels + at));
                    Vector512.Max(above, below).Store(y + at);
                }
            }
        }
        return y_BKHW;
    }

    protected override Tensor Laid(Tensor gradient) => ChannelsLast.Of(gradient);

    /// <summary>The gradient goes to the first place that has the maximum.</summary>
    protected override IReadOnlyList<Tensor?> Backward(Tensor gradient)
    {
        var input_BKHW = ChannelsLast.Empty(x_BKHW.shape);
        if (height % 2 + width % 2 > 0)
        {
            input_BKHW.zero_();
        }
        float* x = ChannelsLast.Floats(x_BKHW), into = ChannelsLast.Floats(input_BKHW), y = ChannelsLast.Floats(y_BKHW!), from = ChannelsLast.Floats(gradient);
        for (var row = 0L; row < rows; row++)
        {
            for (var column = 0; column < width / 2; column++, y += channels, from += channels)
            {
                var (upper, lower) = Places(row, column);
                for (var i = 0; i < channels; i += Lanes.Count)
                {
                    var at = Math.Min(i, channels - Lanes.Count);
                    var (max, left) = (Vector512.Load(y + at), Vector512.Load(from + at));
                    left = Take(x + upper + at, into + upper + at, max, left);
                    left = Take(x + upper + channels + at, into + upper + channels + at, max, left);
                    left = Take(x + lower + at, into + lower + at, max, left);
                    Take(x + lower + channels + at, into + lower + channels + at, max, left);
                }
            }
        }
        return [input_BKHW];
    }

    /// <returns>What is left for the places behind this one.</returns>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> Take(float* x, float* into, Vector512<float> max, Vector512<float> left)
    {
        var isMax = Vector512.Equals(Vector512.Load(x), max);
        (left & isMax).Store(into);
        return Vector512.AndNot(left, isMax);
    }

    private static bool IsPlain(MaxPool2d pool)
    {
        static bool Are(long[]? values, long value) => values is null || values.All(one => one == value);
        return Are(pool.kernel_size, 2) && Are(pool.stride, 2) && Are(pool.padding, 0) && Are(pool.dilation, 1) && !pool.ceil_mode;
    }

    /// <summary>Floats before the upper and the lower left place of an output's four.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private (long Upper, long Lower) Places(long row, int column)
    {
        var upper = ((row / (height / 2) * height + row % (height / 2) * 2) * width + 2 * column) * channels;
        return (upper, upper + (long)width * channels);
    }
}

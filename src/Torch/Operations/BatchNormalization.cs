// B images, K channels, H height, W width; R rows = B H W, C channels
using Granary.Torch.Runtime;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Granary.Torch.Operations;

/// <summary>
/// Batch normalization (Ioffe and Szegedy, 2015) of images whose channels lie side by side, the sum with a skipped way, and the activation, in
/// the least number of passes over memory: two forward, two backward.
/// </summary>
internal sealed unsafe class BatchNormalization : HandGradient
{
    private readonly BatchNorm2d norm;
    private readonly Tensor x_BKHW;
    private readonly Tensor? added_BKHW;
    private readonly float slope;
    private readonly long rows;
    private readonly int channels;
    private readonly float[] scale_C, shift_C, mean_C, oneOverDeviation_C;
    private Tensor? y_BKHW;

    private BatchNormalization(BatchNorm2d norm, Tensor x_BKHW, Tensor? added_BKHW, float slope)
    {
        (this.norm, this.x_BKHW, this.added_BKHW, this.slope) = (norm, x_BKHW, added_BKHW, slope);
        channels = (int)x_BKHW.size(1);
        rows = x_BKHW.numel() / channels;
        (scale_C, shift_C, mean_C, oneOverDeviation_C) = (new float[channels], new float[channels], new float[channels], new float[channels]);
    }

    /// <summary>The module's output, plus what is added, through the activation; it moves the module's running statistics as the module does.</summary>
    /// <param name="slope">What negative values are multiplied by: 0 is ReLU, 1 no activation.</param>
    /// <param name="added_BKHW">Of the same shape.</param>
    public static Tensor Of(BatchNorm2d norm, Tensor x_BKHW, double slope = 0, Tensor? added_BKHW = null)
    {
        if (norm.training && norm.weight is not null && norm.running_mean is not null && Takes(x_BKHW) && x_BKHW.size(0) * x_BKHW.size(2) * x_BKHW.size(3) > 1)
        {
            x_BKHW = ChannelsLast.Of(x_BKHW);
            return added_BKHW is null
                ? new BatchNormalization(norm, x_BKHW, null, (float)slope).Apply([x_BKHW], norm.weight, norm.bias)
                : new BatchNormalization(norm, x_BKHW, ChannelsLast.Of(added_BKHW), (float)slope).Apply([x_BKHW, added_BKHW], norm.weight, norm.bias);
        }
        var y_BKHW = norm.call(x_BKHW);
        if (added_BKHW is not null)
        {
            y_BKHW.add_(added_BKHW);
        }
        return slope == 1 ? y_BKHW : slope == 0 ? y_BKHW.relu_() : nn.functional.leaky_relu(y_BKHW, slope, inplace: true);
    }

    protected override Tensor Forward()
    {
        var (tiles, wideRows, wide) = Tiling();
        var sums_2C = stackalloc double[2 * wide];
        ChannelRows.Sums(ChannelsLast.Floats(x_BKHW), wideRows, wide, sums_2C);
        Track(sums_2C, tiles, wide);
        y_BKHW = ChannelsLast.Empty(x_BKHW.shape);
        fixed (float* scale = Tile(scale_C, tiles), shift = Tile(shift_C, tiles))
        {
            ChannelRows.Forward(ChannelsLast.Floats(x_BKHW), added_BKHW is null ? null : ChannelsLast.Floats(added_BKHW), scale, shift, slope, wideRows, wide, ChannelsLast.Floats(y_BKHW));
        }
        return y_BKHW;
    }

    protected override Tensor Laid(Tensor gradient) => ChannelsLast.Of(gradient);

    protected override IReadOnlyList<Tensor?> Backward(Tensor gradient)
    {
        var (tiles, wideRows, wide) = Tiling();
        var through_BKHW = added_BKHW is null ? null : ChannelsLast.Empty(x_BKHW.shape);
        var input_BKHW = ChannelsLast.Empty(x_BKHW.shape);
        var through = through_BKHW is null ? null : ChannelsLast.Floats(through_BKHW);
        var sums_2C = stackalloc double[2 * wide];
        fixed (float* scale = Tile(scale_C, tiles), shift = Tile(shift_C, tiles), mean = Tile(mean_C, tiles))
        {
            ChannelRows.BackwardSums(ChannelsLast.Floats(gradient), ChannelsLast.Floats(x_BKHW), added_BKHW is null ? null : ChannelsLast.Floats(y_BKHW!), scale, shift, mean, slope, wideRows, wide, through, sums_2C);
            var (xSlope_C, xShift_C) = Learn(sums_2C, tiles, wide);
            fixed (float* xSlope = Tile(xSlope_C, tiles), xShift = Tile(xShift_C, tiles))
            {
                ChannelRows.Backward(ChannelsLast.Floats(gradient), ChannelsLast.Floats(x_BKHW), through, scale, shift, slope, xSlope, xShift, wideRows, wide, ChannelsLast.Floats(input_BKHW));
            }
        }
        return added_BKHW is null ? [input_BKHW] : [input_BKHW, through_BKHW];
    }

    /// <summary>As many rows as one as fill all lanes of the last vector, too, where the number of rows allows it.</summary>
    private (int Tiles, long Rows, int Channels) Tiling()
    {
        var tiles = 1;
        while (tiles * channels % Lanes.Count > 0)
        {
            tiles *= 2;
        }
        return rows % tiles == 0 ? (tiles, rows / tiles, tiles * channels) : (1, rows, channels);
    }

    private static float[] Tile(float[] values_C, int tiles) => tiles == 1 ? values_C : [.. Enumerable.Repeat(values_C, tiles).SelectMany(values => values)];

    /// <summary>From the sums over all rows to each channel's scale and shift, and to the module's running statistics.</summary>
    private void Track(double* sums_2C, int tiles, int wide)
    {
        float* x = ChannelsLast.Floats(x_BKHW), weight = norm.weight!.Floats(), bias = norm.bias!.Floats(), runningMean = norm.running_mean!.Floats(), runningVariance = norm.running_var!.Floats();
        norm.num_batches_tracked!.add_(1);
        var momentum = norm.momentum ?? 1.0 / norm.num_batches_tracked.item<long>();
        for (var channel = 0; channel < channels; channel++)
        {
            // Each tile has a first value of its own to begin with.
            double mean = 0, squares = 0;
            var each = (double)rows / tiles;
            for (var tile = 0; tile < tiles; tile++)
            {
                mean += (x[tile * channels + channel] + sums_2C[tile * channels + channel] / each) / tiles;
            }
            for (var tile = 0; tile < tiles; tile++)
            {
                var (sum, square) = (sums_2C[tile * channels + channel], sums_2C[wide + tile * channels + channel]);
                var off = mean - x[tile * channels + channel];
                squares += square - 2 * off * sum + each * off * off;
            }
            squares = Math.Max(squares, 0);
            mean_C[channel] = (float)mean;
            oneOverDeviation_C[channel] = (float)(1 / Math.Sqrt(squares / rows + norm.eps));
            scale_C[channel] = weight[channel] * oneOverDeviation_C[channel];
            shift_C[channel] = (float)(bias[channel] - mean * scale_C[channel]);
            runningMean[channel] = (float)(momentum * mean + (1 - momentum) * runningMean[channel]);
            runningVariance[channel] = (float)(momentum * squares / (rows - 1) + (1 - momentum) * runningVariance[channel]);
        }
    }

    /// <summary>Adds to the parameters' gradients, and says how the input's depends on the input.</summary>
    private (float[] XSlope, float[] XShift) Learn(double* sums_2C, int tiles, int wide)
    {
        var (xSlope_C, xShift_C) = (new float[channels], new float[channels]);
        float* weight = GradientFloats(norm.weight!), bias = GradientFloats(norm.bias!);
        for (var channel = 0; channel < channels; channel++)
        {
            double sum = 0, product = 0;
            for (var tile = 0; tile < tiles; tile++)
            {
                sum += sums_2C[tile * channels + channel];
                product += sums_2C[wide + tile * channels + channel];
            }
            product *= oneOverDeviation_C[channel];
            if (weight != null)
            {
                weight[channel] += (float)product;
            }
            if (bias != null)
            {
                bias[channel] += (float)sum;
            }
            var slope = -scale_C[channel] * (double)oneOverDeviation_C[channel] * product / rows;
            (xSlope_C[channel], xShift_C[channel]) = ((float)slope, (float)(-scale_C[channel] * sum / rows - slope * mean_C[channel]));
        }
        return (xSlope_C, xShift_C);
    }
}

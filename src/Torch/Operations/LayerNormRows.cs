// R rows, C channels
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Granary.Torch.Operations;

/// <summary>Layer normalization (Ba et al., 2016), a row at a time, and its gradient.</summary>
internal static unsafe class LayerNormRows
{
    /// <summary>Makes each row's mean 0 and its deviation 1, then scales and shifts each channel.</summary>
    /// <param name="moments_R2">Takes each row's mean and one over its deviation.</param>
    public static void Forward(float* from_RC, float* weight_C, float* bias_C, double epsilon, int rows, int channels, float* into_RC, float* moments_R2)
    {
        var whole = Lanes.Whole(channels);
        for (var row = 0; row < rows; row++, from_RC += channels, into_RC += channels, moments_R2 += 2)
        {
            var mean = Mean(from_RC, channels);
            var scale = (float)(1 / Math.Sqrt(Variance(from_RC, mean, channels) + epsilon));
            (moments_R2[0], moments_R2[1]) = (mean, scale);
            for (var i = 0; i < whole; i += Lanes.Count)
            {
                Normalize(from_RC, weight_C, bias_C, mean, scale, into_RC, i, Lanes.Count);
            }
            if (whole < channels)
            {
                Normalize(from_RC, weight_C, bias_C, mean, scale, into_RC, whole, channels - whole);
            }
        }
    }

    /// <summary>Adds the input's gradient to <paramref name="into_RC"/>, and the parameters' to theirs.</summary>
    /// <param name="gradient_RC">The output's.</param>
    /// <param name="weightGradient_C">May be null, as the bias's.</param>
    public static void Backward(float* gradient_RC, float* from_RC, float* weight_C, float* moments_R2, int rows, int channels, float* into_RC, float* weightGradient_C, float* biasGradient_C)
    {
        var whole = Lanes.Whole(channels);
        for (var row = 0; row < rows; row++, gradient_RC += channels, from_RC += channels, into_RC += channels, moments_R2 += 2)
        {
            var (mean, scale) = (moments_R2[0], moments_R2[1]);
            Vector512<float> sum = Vector512<float>.Zero, product = Vector512<float>.Zero;
            for (var i = 0; i < whole; i += Lanes.Count)
            {
                Gather(gradient_RC, from_RC, weight_C, mean, scale, weightGradient_C, biasGradient_C, i, Lanes.Count, ref sum, ref product);
            }
            if (whole < channels)
            {
                Gather(gradient_RC, from_RC, weight_C, mean, scale, weightGradient_C, biasGradient_C, whole, channels - whole, ref sum, ref product);
            }
            var (meanGradient, meanProduct) = (Lanes.Sum(sum) / channels, Lanes.Sum(product) / channels);
            for (var i = 0; i < whole; i += Lanes.Count)
            {
                Spread(gradient_RC, from_RC, weight_C, mean, scale, meanGradient, meanProduct, into_RC, i, Lanes.Count);
            }
            if (whole < channels)
            {
                Spread(gradient_RC, from_RC, weight_C, mean, scale, meanGradient, meanProduct, into_RC, whole, channels - whole);
            }
        }
    }

    private static float Mean(float* from_C, int channels)
    {
        var whole = Lanes.Whole(channels);
        var sum = Vector512<float>.Zero;
        for (var i = 0; i < whole; i += Lanes.Count)
        {
            sum += Vector512.Load(from_C + i);
        }
        return Lanes.Sum(whole < channels ? sum + Lanes.Load(from_C + whole, channels - whole) : sum) / channels;
    }

    private static float Variance(float* from_C, float mean, int channels)
    {
        var whole = Lanes.Whole(channels);
        var sum = Vector512<float>.Zero;
        for (var i = 0; i < whole; i += Lanes.Count)
        {
            var centred = Vector512.Load(from_C + i) - Vector512.Create(mean);
            sum = Vector512.FusedMultiplyAdd(centred, centred, sum);
        }
        if (whole < channels)
        {
            var centred = (Lanes.Load(from_C + whole, channels - whole) - Vector512.Create(mean)) & Lanes.First(channels - whole);
            sum = Vector512.FusedMultiplyAdd(centred, centred, sum);
        }
        return Lanes.Sum(sum) / channels;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Normalize(float* from_C, float* weight_C, float* bias_C, float mean, float scale, float* into_C, int i, int count)
    {
        var normal = (Lanes.Load(from_C + i, count) - Vector512.Create(mean)) * scale;
        Lanes.Store(Vector512.FusedMultiplyAdd(normal, Lanes.Load(weight_C + i, count), Lanes.Load(bias_C + i, count)), into_C + i, count);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Gather(
        float* gradient_C, float* from_C, float* weight_C, float mean, float scale, float* weightGradient_C, float* biasGradient_C, int i, int count, ref Vector512<float> sum, ref Vector512<float> product)
    {
        var (gradient, normal) = (Lanes.Load(gradient_C + i, count), (Lanes.Load(from_C + i, count) - Vector512.Create(mean)) * scale);
        var weighted = gradient * Lanes.Load(weight_C + i, count);
        sum += weighted;
        product = Vector512.FusedMultiplyAdd(weighted, normal, product);
        if (weightGradient_C != null)
        {
            Lanes.Store(Vector512.FusedMultiplyAdd(gradient, normal, Lanes.Load(weightGradient_C + i, count)), weightGradient_C + i, count);
        }
        if (biasGradient_C != null)
        {
            Lanes.Store(Lanes.Load(biasGradient_C + i, count) + gradient, biasGradient_C + i, count);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Spread(float* gradient_C, float* from_C, float* weight_C, float mean, float scale, float meanGradient, float meanProduct, float* into_C, int i, int count)
    {
        var normal = (Lanes.Load(from_C + i, count) - Vector512.Create(mean)) * scale;
        var weighted = Lanes.Load(gradient_C + i, count) * Lanes.Load(weight_C + i, count);
        var through = weighted - Vector512.Create(meanGradient) - normal * meanProduct;
        Lanes.Store(Vector512.FusedMultiplyAdd(through, Vector512.Create(scale), Lanes.Load(into_C + i, count)), into_C + i, count);
    }
}

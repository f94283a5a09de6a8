// N images, P pixels of an image
using Granary.Torch.Networks;
using TorchSharp;
using static TorchSharp.torch;

namespace Granary.Torch.Data;

/// <summary>Grey images of one size: a byte a pixel, 0 is black, row by row. Read-only, hence shared by all replicas.</summary>
/// <param name="Labels">One for each image; empty: unlabelled.</param>
public sealed unsafe record ImageSet(int Height, int Width, ReadOnlyMemory<byte> Pixels, ReadOnlyMemory<byte> Labels)
{
    /// <summary>Pixels of an image.</summary>
    public int PixelsEach => Height * Width;

    /// <summary>How many images there are.</summary>
    public int Count => Pixels.Length / PixelsEach;

    /// <summary>Some consecutive images, over the same memory.</summary>
    public ImageSet Part(int start, int count) => this with
    {
        Pixels = Pixels.Slice(start * PixelsEach, count * PixelsEach),
        Labels = Labels.IsEmpty ? Labels : Labels.Slice(start, count),
    };

    /// <summary>The chosen images as inputs, see <see cref="ToRows"/>, and their labels as targets (zeros if there are no labels).</summary>
    public Examples ToExamples(int[] chosen)
    {
        var labels_N = zeros(chosen.Length, dtype: int64);
        for (var i = 0; i < chosen.Length && !Labels.IsEmpty; i++)
        {
            ((long*)FlatParameters.Pointer(labels_N))[i] = Labels.Span[chosen[i]];
        }
        return new(ToRows(chosen), labels_N);
    }

    /// <summary>The chosen images, one a row, from -1 (black) to 1 (white).</summary>
    public Tensor ToRows(ReadOnlySpan<int> chosen)
    {
        var rows_NP = torch.empty(chosen.Length, PixelsEach);
        var target = FlatParameters.Pointer(rows_NP);
        foreach (var number in chosen)
        {
            foreach (var pixel in Pixels.Span.Slice(number * PixelsEach, PixelsEach))
            {
                *target++ = pixel / 127.5f - 1;
            }
        }
        return rows_NP;
    }

    /// <summary>Images from what <see cref="ToRows"/> gives; values beyond black and white are cut off.</summary>
    public static ImageSet FromRows(Tensor rows_NP, int height, int width)
    {
        using var contiguous_NP = rows_NP.contiguous();
        var source = new ReadOnlySpan<float>(FlatParameters.Pointer(contiguous_NP), (int)contiguous_NP.numel());
        var pixels = new byte[source.Length];
        for (var i = 0; i < pixels.Length; i++)
        {
            pixels[i] = (byte)Math.Clamp((source[i] + 1) * 127.5f + 0.5f, 0, 255);
        }
        return new(height, width, pixels, Labels: default);
    }
}

using Granary.Training.Files;
using Granary.Training.Tasks;
using StbImageSharp;

namespace Granary.Torch.Data;

/// <summary>A colour picture: three bytes a pixel, red, green, blue, row by row.</summary>
internal sealed record Picture(int Width, int Height, byte[] Pixels)
{
    private const int Colours = 3;
    private const long MostPixels = 100_000_000, MostBytes = 1 << 30;

    /// <summary>Reads a JPEG, PNG, BMP, GIF or TGA file.</summary>
    /// <exception cref="TrainingDataException">It cannot be read, is damaged, or is implausibly large.</exception>
    public static Picture Read(string path)
    {
        try
        {
            using var file = RegularFile.Open(path);
            if (file.Length > MostBytes)
            {
                throw new TrainingDataException($"'{path}' has {file.Length} bytes: no picture that is believed to be one. Take it out.");
            }
            if (ImageInfo.FromStream(file) is { } info && (long)info.Width * info.Height > MostPixels)
            {
                throw new TrainingDataException($"'{path}' has {info.Width} x {info.Height} pixels, more than {MostPixels}. Make it smaller.");
            }
            file.Position = 0;
            var read = ImageResult.FromStream(file, ColorComponents.RedGreenBlue);
            return new(read.Width, read.Height, read.Data);
        }
        catch (Exception error) when (error.IsStorageFault())
        {
            throw new TrainingDataException($"'{path}' cannot be read: {error.Message} Is it there, on this machine too?", error);
        }
        catch (Exception error) when (error is not (TrainingDataException or OutOfMemoryException))
        {
            // A damaged file can make the decoder throw anything.
            throw new TrainingDataException($"'{path}' is no picture, or damaged: {error.Message} Take it out, or fetch it again.", error);
        }
    }

    /// <summary>
    /// A part of the picture as planes of red, green and blue, each value from -1 (dark) to 1. Every pixel is the mean of the area that it
    /// covers, or is interpolated between neighbours where that is less than a pixel of the picture.
    /// </summary>
    public void CopyTo(PictureCut cut, int width, int height, Span<float> planes)
    {
        var (columns, rows) = (Spread(cut.Left, cut.Width, width, Width), Spread(cut.Top, cut.Height, height, Height));
        Span<float> sums = stackalloc float[Colours];
        for (var y = 0; y < height; y++)
        {
            for (var x = 0; x < width; x++)
            {
                var (left, across) = columns[cut.Mirrored ? width - 1 - x : x];
                var (top, down) = rows[y];
                sums.Clear();
                for (var i = 0; i < down.Length; i++)
                {
                    var row = Pixels.AsSpan(((top + i) * Width + left) * Colours);
                    for (var j = 0; j < across.Length; j++)
                    {
                        for (var colour = 0; colour < Colours; colour++)
                        {
                            sums[colour] += down[i] * across[j] * row[j * Colours + colour];
                        }
                    }
                }
                for (var colour = 0; colour < Colours; colour++)
                {
                    planes[(colour * height + y) * width + x] = sums[colour] / 127.5f - 1;
                }
            }
        }
    }

    /// <summary>For each pixel along a side: the first source pixel that it is made of, and the weights from there on, which add up to 1.</summary>
    private static (int First, float[] Weights)[] Spread(double start, double length, int pixels, int limit)
    {
        var step = length / pixels;
        var reach = Math.Max(1, step); // at least as far as the neighbour on either side
        var found = new (int, float[])[pixels];
        for (var pixel = 0; pixel < pixels; pixel++)
        {
            var centre = start + (pixel + 0.5) * step - 0.5;
            var (first, last) = (Math.Clamp((int)Math.Ceiling(centre - reach), 0, limit - 1), Math.Clamp((int)Math.Floor(centre + reach), 0, limit - 1));
            var weights = new double[last - first + 1];
            for (var i = 0; i < weights.Length; i++)
            {
                weights[i] = Math.Max(1e-9, 1 - Math.Abs(first + i - centre) / reach);
            }
            var sum = weights.Sum();
            found[pixel] = (first, [.. weights.Select(weight => (float)(weight / sum))]);
        }
        return found;
    }
}

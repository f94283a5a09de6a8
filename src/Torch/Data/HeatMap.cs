using StbImageWriteSharp;

namespace Granary.Torch.Data;

/// <summary>A table of shares as a picture.</summary>
public static class HeatMap
{
    private const int Cell = 24;

    /// <summary>A PNG file with a square for each value, in reading order: black for 0, white for 1.</summary>
    public static byte[] ToPng(ReadOnlySpan<float> values, int columns)
    {
        var (width, height) = (columns * Cell, values.Length / columns * Cell);
        var canvas = new byte[width * height];
        for (var y = 0; y < height; y++)
        {
            for (var x = 0; x < width; x++)
            {
                canvas[y * width + x] = (byte)Math.Round(255 * Math.Clamp(values[y / Cell * columns + x / Cell], 0, 1));
            }
        }
        using var png = new MemoryStream();
        new ImageWriter().WritePng(canvas, width, height, ColorComponents.Grey, png);
        return png.ToArray();
    }
}

using StbImageWriteSharp;

namespace Granary.Torch.Data;

/// <summary>Many small images in one picture.</summary>
public static class ImageGrid
{
    private const int Margin = 2;

    /// <summary>A PNG file with the images in reading order, on a grid that is as square as it can be.</summary>
    public static byte[] ToPng(ImageSet images)
    {
        var columns = (int)Math.Ceiling(Math.Sqrt(images.Count));
        var rows = (images.Count + columns - 1) / columns;
        var width = columns * (images.Width + Margin) + Margin;
        var height = rows * (images.Height + Margin) + Margin;
        var canvas = new byte[width * height];
        for (var i = 0; i < images.Count; i++)
        {
            var (row, column) = Math.DivRem(i, columns);
            var corner = (row * (images.Height + Margin) + Margin) * width + column * (images.Width + Margin) + Margin;
            for (var y = 0; y < images.Height; y++)
            {
                images.Pixels.Span.Slice((i * images.Height + y) * images.Width, images.Width).CopyTo(canvas.AsSpan(corner + y * width));
            }
        }
        using var png = new MemoryStream();
        new ImageWriter().WritePng(canvas, width, height, ColorComponents.Grey, png);
        return png.ToArray();
    }
}

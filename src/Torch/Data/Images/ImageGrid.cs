namespace Granary.Torch.Data.Images;

/// <summary>Many small images in one picture.</summary>
public static class ImageGrid
{
    private const int Margin = 2;

    /// <summary>The images in reading order, on a grid that is as square as it can be.</summary>
    /// <param name="images">Of one shape, at least one.</param>
    public static Picture Of(IReadOnlyList<Picture> images)
    {
        var (shape, columns) = (images[0].Shape, (int)Math.Ceiling(Math.Sqrt(images.Count)));
        var rows = (images.Count + columns - 1) / columns;
        var grid = new ImageShape(shape.Colours, rows * (shape.Height + Margin) + Margin, columns * (shape.Width + Margin) + Margin);
        var canvas = new byte[grid.Values];
        for (var i = 0; i < images.Count; i++)
        {
            var (row, column) = Math.DivRem(i, columns);
            var corner = (row * (shape.Height + Margin) + Margin) * grid.Width + column * (shape.Width + Margin) + Margin;
            for (var line = 0; line < shape.Colours * shape.Height; line++)
            {
                var (colour, y) = Math.DivRem(line, shape.Height);
                images[i].Planes.Span.Slice(line * shape.Width, shape.Width).CopyTo(canvas.AsSpan(colour * grid.Height * grid.Width + corner + y * grid.Width));
            }
        }
        return new(grid, canvas);
    }

    /// <summary>The same of a batch of images, from -1 to 1.</summary>
    /// <param name="images_BCHW">Batch, colours, height, width.</param>
    public static Picture Of(TorchSharp.torch.Tensor images_BCHW) =>
        Of([.. Enumerable.Range(0, (int)images_BCHW.shape[0]).Select(number => Picture.From(images_BCHW[number]))]);
}

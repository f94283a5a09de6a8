// C colours, H height, W width
using System.Runtime.InteropServices;
using Granary.Training.Files;
using Granary.Training.Tasks;
using StbImageSharp;
using StbImageWriteSharp;
using static TorchSharp.torch;

namespace Granary.Torch.Data.Images;

/// <summary>A picture: a plane of bytes for each colour, row by row; 0 is dark.</summary>
public sealed record Picture(ImageShape Shape, ReadOnlyMemory<byte> Planes)
{
    private const int Colours = 3;
    private const long MostPixels = 100_000_000, MostBytes = 1 << 30;

    /// <summary>Reads a JPEG, PNG, BMP, GIF or TGA file, in colour.</summary>
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
            var read = ImageResult.FromStream(file, StbImageSharp.ColorComponents.RedGreenBlue);
            var (pixels, planes) = (read.Width * read.Height, new byte[read.Data.Length]);
            for (var i = 0; i < planes.Length; i++)
            {
                planes[i % Colours * pixels + i / Colours] = read.Data[i];
            }
            return new(new(Colours, read.Height, read.Width), planes);
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

    /// <summary>A picture from values that go from -1, dark, to 1; what lies beyond is cut off.</summary>
    /// <param name="image_CHW">C is 1 or 3.</param>
    public static Picture From(Tensor image_CHW)
    {
        using var floats_CHW = image_CHW.detach().to(float32);
        var values = floats_CHW.Values<float>();
        var planes = new byte[values.Length];
        for (var i = 0; i < planes.Length; i++)
        {
            planes[i] = (byte)Math.Clamp((values[i] + 1) * 127.5f + 0.5f, 0, 255);
        }
        return new(new((int)image_CHW.shape[0], (int)image_CHW.shape[1], (int)image_CHW.shape[2]), planes);
    }

    /// <summary>The middle of the picture, as large as it can be, in another shape: 1 x C x H x W, from -1 to 1.</summary>
    public Tensor ToTensor(ImageShape shape)
    {
        var image_BCHW = empty(1, shape.Colours, shape.Height, shape.Width);
        CopyTo(PictureCut.Middle(Shape, shape.Width / (double)shape.Height), shape, MemoryMarshal.Cast<byte, float>(image_BCHW.bytes));
        return image_BCHW;
    }

    /// <summary>A PNG file.</summary>
    public byte[] ToPng()
    {
        var (pixels, woven) = (Shape.Height * Shape.Width, new byte[Planes.Length]);
        var planes = Planes.Span;
        for (var i = 0; i < woven.Length; i++)
        {
            woven[i] = planes[i % Shape.Colours * pixels + i / Shape.Colours];
        }
        using var png = new MemoryStream();
        new ImageWriter().WritePng(woven, Shape.Width, Shape.Height, Shape.Colours == 1 ? StbImageWriteSharp.ColorComponents.Grey : StbImageWriteSharp.ColorComponents.RedGreenBlue, png);
        return png.ToArray();
    }

    /// <summary>
    /// A part of the picture in another shape, each value from -1 (dark) to 1. Every pixel is the mean of the area that it covers, or is
    /// interpolated between neighbours where that is less than a pixel of the picture. Beyond the picture its edge goes on.
    /// </summary>
    internal void CopyTo(PictureCut cut, ImageShape shape, Span<float> planes)
    {
        var (pixels, each) = (Shape.Height * Shape.Width, shape.Height * shape.Width);
        var resampling = Resampling.Of(cut, Shape, shape);
        for (var colour = 0; colour < Math.Min(Shape.Colours, shape.Colours); colour++)
        {
            resampling.Run(shape.Colours < Shape.Colours ? Grey() : Planes.Span.Slice(colour * pixels, pixels), planes.Slice(colour * each, each));
        }
        for (var colour = Shape.Colours; colour < shape.Colours; colour++)
        {
            planes[..each].CopyTo(planes[(colour * each)..]);
        }
    }

    /// <summary>How bright the eye finds red, green and blue (ITU-R BT.601).</summary>
    private ReadOnlySpan<byte> Grey()
    {
        var planes = Planes.Span;
        var grey = new byte[Shape.Height * Shape.Width];
        var pixels = grey.Length;
        for (var i = 0; i < pixels; i++)
        {
            grey[i] = (byte)((299 * planes[i] + 587 * planes[pixels + i] + 114 * planes[2 * pixels + i] + 500) / 1000);
        }
        return grey;
    }
}

using Granary.Training.Randomness;

namespace Granary.Torch.Data.Images;

/// <summary>How pictures are changed from epoch to epoch, so that no two are alike. What happens to one follows from seed, epoch and sample.</summary>
/// <param name="LeastArea">Least share of a picture's area that is kept: between this and all of it is, as in Szegedy et al. (2015). Default: 1, nothing is cut off.</param>
/// <param name="MostStretch">Largest factor by which the proportions of the kept part differ from the picture's. Default: 1, none.</param>
/// <param name="Shift">Pixels, of the result, by which it is moved at most in either direction. Default: 0.</param>
/// <param name="Mirrored">Whether every second picture is mirrored, left to right. Default: no.</param>
public sealed record Augmentation(double LeastArea = 1, double MostStretch = 1, int Shift = 0, bool Mirrored = false)
{
    private const int Tries = 10;

    /// <summary>The part of a picture to take.</summary>
    internal PictureCut Draw(ImageShape picture, ImageShape shape, ref StepRandom random)
    {
        var mirrored = Mirrored && random.NextDouble() < 0.5;
        var cut = PictureCut.Middle(picture, shape.Width / (double)shape.Height);
        if (LeastArea < 1 || MostStretch > 1)
        {
            cut = Part(picture, cut, ref random);
        }
        if (Shift > 0)
        {
            var (right, down) = (random.Next(2 * Shift + 1) - Shift, random.Next(2 * Shift + 1) - Shift);
            cut = cut with { Left = cut.Left + right * cut.Width / shape.Width, Top = cut.Top + down * cut.Height / shape.Height };
        }
        return cut with { Mirrored = mirrored };
    }

    private PictureCut Part(ImageShape picture, PictureCut otherwise, ref StepRandom random)
    {
        var (width, height) = (picture.Width, picture.Height);
        for (var i = 0; i < Tries; i++)
        {
            var area = width * (double)height * (LeastArea + (1 - LeastArea) * random.NextDouble());
            var stretch = Math.Pow(MostStretch, 2 * random.NextDouble() - 1);
            double wide = Math.Sqrt(area * stretch * width / height), high = area / wide;
            if (wide <= width && high <= height)
            {
                return new((width - wide) * random.NextDouble(), (height - high) * random.NextDouble(), wide, high);
            }
        }
        return otherwise;
    }
}

/// <summary>A rectangle of a picture, in pixels.</summary>
internal readonly record struct PictureCut(double Left, double Top, double Width, double Height, bool Mirrored = false)
{
    /// <summary>The largest one of this form in the middle of a picture.</summary>
    public static PictureCut Middle(ImageShape picture, double widthByHeight)
    {
        double wide = Math.Min(picture.Width, picture.Height * widthByHeight), high = wide / widthByHeight;
        return new((picture.Width - wide) / 2, (picture.Height - high) / 2, wide, high);
    }
}

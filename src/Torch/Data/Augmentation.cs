using Granary.Training.Randomness;

namespace Granary.Torch.Data;

/// <summary>How pictures are changed from epoch to epoch, so that no two are alike. What happens to one follows from seed, epoch and sample.</summary>
/// <param name="LeastArea">Least share of a picture's area that is kept: between this and all of it is, as in Szegedy et al. (2015). 1: nothing is cut off.</param>
/// <param name="MostStretch">Largest factor by which the proportions of the kept part differ from the picture's.</param>
/// <param name="Mirrored">Whether every second picture is mirrored, left to right.</param>
public sealed record Augmentation(double LeastArea = 0.08, double MostStretch = 4 / 3d, bool Mirrored = true)
{
    private const int Tries = 10;

    /// <summary>The part of a picture to take.</summary>
    internal PictureCut Draw(int width, int height, ref StepRandom random)
    {
        var mirrored = Mirrored && random.NextDouble() < 0.5;
        for (var i = 0; i < Tries; i++)
        {
            var area = width * (double)height * (LeastArea + (1 - LeastArea) * random.NextDouble());
            var stretch = Math.Pow(MostStretch, 2 * random.NextDouble() - 1);
            double wide = Math.Sqrt(area * stretch * width / height), high = area / wide;
            if (wide <= width && high <= height)
            {
                return new((width - wide) * random.NextDouble(), (height - high) * random.NextDouble(), wide, high, mirrored);
            }
        }
        return PictureCut.Whole(width, height) with { Mirrored = mirrored };
    }
}

/// <summary>A rectangle of a picture, in pixels.</summary>
internal readonly record struct PictureCut(double Left, double Top, double Width, double Height, bool Mirrored = false)
{
    public static PictureCut Whole(int width, int height) => new(0, 0, width, height);

    /// <summary>The largest one of this form in the middle of a picture.</summary>
    public static PictureCut Middle(int width, int height, double widthByHeight)
    {
        double wide = Math.Min(width, height * widthByHeight), high = wide / widthByHeight;
        return new((width - wide) / 2, (height - high) / 2, wide, high);
    }
}

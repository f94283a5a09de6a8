using Granary.Training.Randomness;

namespace Granary.Torch.Data.Images;

/// <summary>Built-in pictures, for runs without data: something to be shown, and a pattern to show it in.</summary>
public static class DrawnPictures
{
    private const int Colours = 3, Waves = 6;

    /// <summary>A shape before a background.</summary>
    /// <param name="size">Pixels of either side.</param>
    /// <param name="number">Another number, another picture.</param>
    public static Picture Scene(int size, int number) => DrawnShapes.Draw(1, seed: (ulong)number + 3, 0, DrawnShapes.Names.Count, size).Read(0);

    /// <summary>Waves in strong colours, always the same ones.</summary>
    /// <param name="size">Pixels of either side.</param>
    public static Picture Pattern(int size)
    {
        var random = new StepRandom(7);
        var waves = new (double X, double Y, double Phase, double[] Colour)[Waves];
        for (var i = 0; i < waves.Length; i++)
        {
            var (angle, length) = (random.NextDouble() * Math.PI, 6 + 22 * random.NextDouble());
            waves[i] = (Math.Cos(angle) / length, Math.Sin(angle) / length, random.NextDouble(), [random.NextDouble() - 0.5, random.NextDouble() - 0.5, random.NextDouble() - 0.5]);
        }
        var planes = new byte[Colours * size * size];
        for (var place = 0; place < planes.Length; place++)
        {
            var (colour, y, x) = (place / (size * size), place / size % size, place % size);
            // Steps instead of slopes: strokes with edges.
            var sum = waves.Sum(wave => wave.Colour[colour] * Math.Sign(Math.Sin(2 * Math.PI * (wave.X * x + wave.Y * y + wave.Phase))));
            planes[place] = (byte)Math.Clamp(127.5 + 110 * sum, 0, 255);
        }
        return new(new(Colours, size, size), planes);
    }
}

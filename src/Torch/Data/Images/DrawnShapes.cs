using System.Numerics;
using Granary.Training.Randomness;

namespace Granary.Torch.Data.Images;

/// <summary>
/// Built-in images in colour: a shape before a background that goes from one colour to another, no two alike in place,
/// size, turn, stretch and colours, and all of them noisy. The same seed gives the same images.
/// </summary>
internal static class DrawnShapes
{
    private const int Colours = 3, Usual = 32;

    // Each is a distance: negative inside, in a box from -1 to 1.
    private static readonly (string Name, Func<Vector2, float> Distance)[] shapes =
    [
        ("circle", p => p.Length() - 0.8f),
        ("ring", p => MathF.Abs(p.Length() - 0.65f) - 0.2f),
        ("square", p => MathF.Max(MathF.Abs(p.X), MathF.Abs(p.Y)) - 0.7f),
        ("triangle", p => MathF.Max(0.866f * MathF.Abs(p.X) + 0.5f * p.Y, -p.Y) - 0.45f),
        ("star", p => p.Length() - 0.55f - 0.3f * MathF.Cos(5 * MathF.Atan2(p.X, -p.Y))),
        ("cross", p => MathF.Min(Box(p, 0.85f, 0.25f), Box(p, 0.25f, 0.85f))),
        ("diamond", p => (1.3f * MathF.Abs(p.X) + MathF.Abs(p.Y)) * 0.65f - 0.6f),
        ("crescent", p => MathF.Max(p.Length() - 0.8f, 0.65f - (p - new Vector2(0.4f, -0.1f)).Length())),
        ("bars", p => MathF.Max(Box(p, 0.8f, 0.8f), MathF.Abs((p.Y + 2.8f) % 0.56f - 0.28f) - 0.14f)),
        ("dots", p => MathF.Max(Box(p, 0.85f, 0.85f), new Vector2((p.X + 2.8f) % 0.56f - 0.28f, (p.Y + 2.8f) % 0.56f - 0.28f).Length() - 0.2f)),
        ("arrow", p => MathF.Min(Box(p + new Vector2(0.3f, 0), 0.55f, 0.18f), MathF.Max(MathF.Abs(p.Y) * 0.8f + p.X * 0.6f - 0.5f, 0.1f - p.X))),
        ("heart", p => MathF.Sqrt(p.X * p.X + MathF.Pow(1.2f * p.Y + 0.1f + 0.7f * MathF.Sqrt(MathF.Abs(p.X)) - 0.35f, 2)) - 0.65f),
    ];

    /// <summary>The names of all shapes.</summary>
    public static IReadOnlyList<string> Names { get; } = [.. shapes.Select(shape => shape.Name)];

    /// <summary>Images of some of the shapes.</summary>
    /// <param name="first">The number of the first shape, whose label is 0.</param>
    /// <param name="classes">How many shapes.</param>
    /// <param name="size">Pixels of either side.</param>
    public static ImageSet Draw(int count, ulong seed, int first, int classes, int size = Usual)
    {
        var set = new ImageSet(new(Colours, size, size), default, default);
        var (planes, labels) = (new byte[count * set.Shape.Values], new byte[count]);
        for (var i = 0; i < count; i++)
        {
            var random = new StepRandom(seed, (ulong)i, (ulong)first);
            labels[i] = (byte)random.Next(classes);
            Draw(shapes[first + labels[i]].Distance, ref random, size, planes.AsSpan(i * set.Shape.Values, set.Shape.Values));
        }
        return set with { Planes = planes, Labels = labels };
    }

    private static void Draw(Func<Vector2, float> distance, ref StepRandom random, int size, Span<byte> planes)
    {
        var (radius, scale) = (Between(ref random, 7, 14), size / (float)Usual);
        var place = Matrix3x2.CreateTranslation(-Between(ref random, 12, 20), -Between(ref random, 12, 20))
            * Matrix3x2.CreateRotation(Between(ref random, -0.35f, 0.35f))
            * Matrix3x2.CreateScale(Between(ref random, 0.85f, 1.15f) / radius, 1 / radius);
        place = Matrix3x2.CreateScale(1 / scale) * place;
        var (ink, from, to, slope) = (Colour(ref random), Colour(ref random), Colour(ref random), Between(ref random, 0, 1));
        while ((ink - (from + to) / 2).Length() < 90)
        {
            ink = Colour(ref random);
        }
        for (var y = 0; y < size; y++)
        {
            for (var x = 0; x < size; x++)
            {
                var covered = Math.Clamp(0.5f - distance(Vector2.Transform(new(x + 0.5f, y + 0.5f), place)) * radius * scale, 0, 1);
                var ground = Vector3.Lerp(from, to, (slope * x + (1 - slope) * y) / size);
                var colour = Vector3.Lerp(ground, ink, covered) + new Vector3(Noise(ref random), Noise(ref random), Noise(ref random));
                for (var plane = 0; plane < Colours; plane++)
                {
                    planes[(plane * size + y) * size + x] = (byte)Math.Clamp(colour[plane], 0, 255);
                }
            }
        }
    }

    private static float Box(Vector2 p, float width, float height) => MathF.Max(MathF.Abs(p.X) - width, MathF.Abs(p.Y) - height);

    private static Vector3 Colour(ref StepRandom random) => new(Between(ref random, 0, 255), Between(ref random, 0, 255), Between(ref random, 0, 255));

    private static float Noise(ref StepRandom random) => Between(ref random, -25, 25);

    private static float Between(ref StepRandom random, float low, float high) => low + (high - low) * random.NextSingle();
}

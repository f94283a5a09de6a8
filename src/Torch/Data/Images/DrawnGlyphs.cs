using System.Numerics;
using Granary.Training.Randomness;

namespace Granary.Torch.Data.Images;

/// <summary>
/// The built-in images: digits of 28 x 28 pixels drawn with strokes, no two alike in place, size, slant, swing and
/// thickness. Ten classes; the same seed gives the same images.
/// </summary>
public static class DrawnGlyphs
{
    /// <summary>Pixels of either side.</summary>
    public const int Size = 28;

    // Strokes in a box of 1 x 1, x to the right and y downwards.
    private static readonly Vector2[][][] digits =
    [
        [Arc(.5f, .5f, .32f, .48f, 0, 360)],
        [Line(.3f, .22f, .55f, .02f, .55f, .98f)],
        [[.. Arc(.5f, .28f, .32f, .26f, 190, 390), .. Line(.2f, .96f, .84f, .96f)]],
        [Arc(.48f, .26f, .3f, .24f, 200, 450), Arc(.48f, .73f, .34f, .25f, 270, 520)],
        [Line(.62f, .98f, .62f, .02f, .14f, .68f, .88f, .68f)],
        [[.. Line(.78f, .04f, .28f, .04f, .24f, .44f), .. Arc(.48f, .68f, .34f, .29f, 235, 500)]],
        [[.. Arc(.86f, .64f, .68f, .62f, 265, 180), .. Arc(.5f, .7f, .31f, .27f, 180, 540)]],
        [Line(.16f, .04f, .84f, .04f, .4f, .98f)],
        [Arc(.5f, .26f, .26f, .23f, 0, 360), Arc(.5f, .73f, .32f, .25f, 0, 360)],
        [[.. Arc(.5f, .3f, .31f, .27f, 360, 0), .. Arc(.14f, .36f, .68f, .62f, 0, 85)]],
    ];

    /// <summary>This many images with their labels; the same seed gives the same images.</summary>
    public static ImageSet Draw(int count, ulong seed)
    {
        var pixels = new byte[count * Size * Size];
        var labels = new byte[count];
        for (var i = 0; i < count; i++)
        {
            var random = new StepRandom(seed, (ulong)i);
            labels[i] = (byte)random.Next(digits.Length);
            var hand = new Hand(ref random);
            foreach (var stroke in digits[labels[i]])
            {
                hand.Draw(stroke, pixels.AsSpan(i * Size * Size, Size * Size));
            }
        }
        return new(new(1, Size, Size), pixels, labels);
    }

    /// <summary>An arc of an ellipse; degrees run clockwise from the right.</summary>
    private static Vector2[] Arc(float x, float y, float radiusX, float radiusY, int from, int to)
    {
        var steps = Math.Abs(to - from) / 20;
        return [.. Enumerable.Range(0, steps + 1).Select(step =>
        {
            var (sine, cosine) = MathF.SinCos((from + (to - from) * step / (float)steps) * MathF.PI / 180);
            return new Vector2(x + radiusX * cosine, y + radiusY * sine);
        })];
    }

    private static Vector2[] Line(params float[] coordinates) => [.. coordinates.Chunk(2).Select(point => new Vector2(point[0], point[1]))];

    /// <summary>How one glyph is written: its transformation from the box to pixels, and the pen.</summary>
    private readonly struct Hand
    {
        private readonly Matrix3x2 place;
        private readonly float swing, phase, radius;

        public Hand(ref StepRandom random)
        {
            var size = new Vector2(Between(ref random, 12, 17), Between(ref random, 17, 21));
            var slant = Between(ref random, -0.15f, 0.35f);
            var center = new Vector2(Between(ref random, 12.5f, 15.5f), Between(ref random, 12.5f, 15.5f));
            place = Matrix3x2.CreateTranslation(-0.5f, -0.5f) * Matrix3x2.CreateScale(size) * new Matrix3x2(1, 0, -slant, 1, 0, 0) * Matrix3x2.CreateTranslation(center);
            swing = Between(ref random, -0.07f, 0.07f);
            phase = Between(ref random, 0, 2 * MathF.PI);
            radius = Between(ref random, 0.8f, 1.6f);
        }

        public void Draw(Vector2[] stroke, Span<byte> image)
        {
            for (var i = 1; i < stroke.Length; i++)
            {
                DrawLine(Place(stroke[i - 1]), Place(stroke[i]), image);
            }
        }

        private Vector2 Place(Vector2 point) => Vector2.Transform(point + new Vector2(swing * MathF.Sin(5 * point.Y + phase), 0), place);

        private void DrawLine(Vector2 from, Vector2 to, Span<byte> image)
        {
            var reach = new Vector2(radius + 1);
            var first = Vector2.Clamp(Vector2.Min(from, to) - reach, Vector2.Zero, new(Size - 1));
            var last = Vector2.Clamp(Vector2.Max(from, to) + reach, Vector2.Zero, new(Size - 1));
            var along = to - from;
            for (var y = (int)first.Y; y <= (int)last.Y; y++)
            {
                for (var x = (int)first.X; x <= (int)last.X; x++)
                {
                    var pixel = new Vector2(x, y);
                    var nearest = from + along * Math.Clamp(Vector2.Dot(pixel - from, along) / along.LengthSquared(), 0, 1);
                    var ink = Math.Clamp(radius + 0.5f - Vector2.Distance(pixel, nearest), 0, 1);
                    image[y * Size + x] = Math.Max(image[y * Size + x], (byte)(255 * ink));
                }
            }
        }

        private static float Between(ref StepRandom random, float low, float high) => low + (high - low) * random.NextSingle();
    }
}

namespace Granary.Torch.Data.Images;

/// <summary>Images that are drawn, for runs without data.</summary>
public enum DrawnImages
{
    /// <summary><see cref="DrawnGlyphs"/>: ten digits.</summary>
    Digits,

    /// <summary><see cref="DrawnShapes"/>: ten shapes, in colour.</summary>
    Shapes,

    /// <summary>A few images of two more shapes: for a model that knows the ten already.</summary>
    FewShapes,

    /// <summary>Shapes in pictures of 64 pixels.</summary>
    Scenes,
}

/// <summary>What is in each of them.</summary>
internal static class DrawnImagesExtensions
{
    private const int Known = 10;

    public static (int Training, int HeldOut) Count(this DrawnImages what) => what switch
    {
        DrawnImages.Digits => (10_000, 1_000),
        DrawnImages.Shapes => (4_000, 1_000),
        DrawnImages.Scenes => (200, 20),
        _ => (80, 400),
    };

    public static ImageSet Draw(this DrawnImages what, int count, ulong seed) => what switch
    {
        DrawnImages.Digits => DrawnGlyphs.Draw(count, seed),
        DrawnImages.Shapes => DrawnShapes.Draw(count, seed, 0, Known),
        DrawnImages.Scenes => DrawnShapes.Draw(count, seed, 0, Known, size: 64),
        _ => DrawnShapes.Draw(count, seed, Known, DrawnShapes.Names.Count - Known),
    };

    public static IReadOnlyList<string> Classes(this DrawnImages what) => what switch
    {
        DrawnImages.Digits => [.. Enumerable.Range(0, 10).Select(digit => $"{digit}")],
        DrawnImages.Shapes or DrawnImages.Scenes => [.. DrawnShapes.Names.Take(Known)],
        _ => [.. DrawnShapes.Names.Skip(Known)],
    };
}

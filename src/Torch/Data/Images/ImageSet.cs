namespace Granary.Torch.Data.Images;

/// <summary>Images of one shape, in memory, planes of bytes one after another. Read-only, hence shared by all replicas.</summary>
/// <param name="Shape">Of each image.</param>
/// <param name="Planes">Of all images; see <see cref="Picture"/>.</param>
/// <param name="Labels">One for each image; empty: unlabelled.</param>
public sealed record ImageSet(ImageShape Shape, ReadOnlyMemory<byte> Planes, ReadOnlyMemory<byte> Labels) : IImages
{
    /// <inheritdoc/>
    public int Count => Planes.Length / Shape.Values;

    /// <inheritdoc/>
    public int LabelOf(int number) => Labels.IsEmpty ? 0 : Labels.Span[number];

    /// <inheritdoc/>
    public Picture Read(int number) => new(Shape, Planes.Slice(number * Shape.Values, Shape.Values));

    /// <summary>Some consecutive images, over the same memory.</summary>
    public ImageSet Part(int start, int count) => this with
    {
        Planes = Planes.Slice(start * Shape.Values, count * Shape.Values),
        Labels = Labels.IsEmpty ? Labels : Labels.Slice(start, count),
    };
}

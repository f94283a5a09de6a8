using System.Text.Json;
using Granary.Training.Checkpoints;
using Granary.Training.Tasks;

namespace Granary.Torch.Data;

/// <summary>Height and width in pixels of the images that a model knows.</summary>
internal sealed record ImageSize(int Height, int Width)
{
    private const string FileName = "images.json";

    public int Pixels => Height * Width;

    public static ImageSize Of(ImageSet images) => new(images.Height, images.Width);

    /// <summary>The size that a model was trained with.</summary>
    /// <exception cref="CheckpointException">Its file is missing or damaged.</exception>
    public static ImageSize FromAssets(Func<string, byte[]> asset)
    {
        try
        {
            return JsonSerializer.Deserialize<ImageSize>(asset(FileName)) is { Height: > 0, Width: > 0 } size && (long)size.Height * size.Width <= int.MaxValue
                ? size
                : throw Damaged(null);
        }
        catch (JsonException error)
        {
            throw Damaged(error);
        }

        static CheckpointException Damaged(Exception? inner) =>
            new($"The checkpoint's {FileName} is damaged: it does not tell the Height and Width of images. Use another checkpoint, or train anew.", inner);
    }

    /// <summary>What a model that knows images of this size keeps of it, see <see cref="ReplicaState.Assets"/>.</summary>
    public IReadOnlyDictionary<string, byte[]> ToAssets() => new Dictionary<string, byte[]> { [FileName] = JsonSerializer.SerializeToUtf8Bytes(new { Height, Width }) };

    public override string ToString() => $"{Height} x {Width}";
}

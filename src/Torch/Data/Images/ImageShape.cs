using System.Text.Json;
using Granary.Training.Checkpoints;
using Granary.Training.Tasks;

namespace Granary.Torch.Data.Images;

/// <summary>What images of one kind have in common.</summary>
/// <param name="Colours">1: grey. 3: red, green and blue.</param>
/// <param name="Height">In pixels.</param>
/// <param name="Width">In pixels.</param>
public sealed record ImageShape(int Colours, int Height, int Width)
{
    private const string FileName = "images.json";
    private const int LongestSide = 1 << 14;

    /// <summary>Numbers that an image consists of.</summary>
    public int Values => Colours * Height * Width;

    /// <summary>The shape that a model was trained with.</summary>
    /// <exception cref="CheckpointException">Its file is missing or damaged.</exception>
    public static ImageShape FromAssets(Func<string, byte[]> asset)
    {
        try
        {
            return JsonSerializer.Deserialize<ImageShape>(asset(FileName)) is { Colours: 1 or 3, Height: > 0 and <= LongestSide, Width: > 0 and <= LongestSide } shape ? shape : throw Damaged(null);
        }
        catch (JsonException error)
        {
            throw Damaged(error);
        }

        static CheckpointException Damaged(Exception? inner) =>
            new($"The checkpoint's {FileName} is damaged: it does not tell the Colours, Height and Width of images. Use another checkpoint, or train anew.", inner);
    }

    /// <summary>What a model that knows images of this shape keeps of it, see <see cref="ReplicaState.Assets"/>.</summary>
    public IReadOnlyDictionary<string, byte[]> ToAssets() => new Dictionary<string, byte[]> { [FileName] = JsonSerializer.SerializeToUtf8Bytes(new { Colours, Height, Width }) };

    /// <summary>As messages name it.</summary>
    public override string ToString() => $"{Height} x {Width} pixels{(Colours == 1 ? " of grey" : "")}";
}

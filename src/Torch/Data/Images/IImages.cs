// N images, C colours, H height, W width
using System.Runtime.InteropServices;
using Granary.Training.Randomness;
using Granary.Training.Tasks;
using static TorchSharp.torch;

namespace Granary.Torch.Data.Images;

/// <summary>Images and the classes that they belong to. Several threads may use them at once.</summary>
public interface IImages
{
    /// <summary>How many there are.</summary>
    int Count { get; }

    /// <summary>The number of an image's class; 0 where there are no classes.</summary>
    int LabelOf(int number);

    /// <summary>An image by its number.</summary>
    /// <exception cref="TrainingDataException">It cannot be read.</exception>
    Picture Read(int number);
}

/// <summary>Images as tensors.</summary>
public static class ImageExamples
{
    /// <summary>The middle of each of the chosen images, and its class.</summary>
    /// <param name="chosen">Numbers of images.</param>
    /// <returns>Inputs of N x C x H x W, from -1 to 1, and N labels.</returns>
    /// <exception cref="TrainingDataException">One cannot be read.</exception>
    public static Examples ToExamples(this IImages images, int[] chosen, ImageShape shape) =>
        Make(images, chosen, shape, (_, picture) => PictureCut.Middle(picture.Shape, shape.Width / (double)shape.Height));

    /// <summary>The same, with each image changed by what follows from seed, epoch and its number.</summary>
    /// <inheritdoc cref="ToExamples(IImages, int[], ImageShape)"/>
    public static Examples ToExamples(this IImages images, int[] chosen, ImageShape shape, Augmentation augmentation, ulong seed, long epoch) => Make(images, chosen, shape, (number, picture) =>
    {
        var random = new StepRandom(seed, (ulong)epoch, (ulong)number);
        return augmentation.Draw(picture.Shape, shape, ref random);
    });

    private static Examples Make(IImages images, int[] chosen, ImageShape shape, Func<int, Picture, PictureCut> cut)
    {
        Tensor images_NCHW = empty(chosen.Length, shape.Colours, shape.Height, shape.Width), labels_N = empty(chosen.Length, dtype: int64);
        Span<float> values = MemoryMarshal.Cast<byte, float>(images_NCHW.bytes);
        var labels = MemoryMarshal.Cast<byte, long>(labels_N.bytes);
        for (var i = 0; i < chosen.Length; i++)
        {
            var picture = images.Read(chosen[i]);
            picture.CopyTo(cut(chosen[i], picture), shape, values.Slice(i * shape.Values, shape.Values));
            labels[i] = images.LabelOf(chosen[i]);
        }
        return new(images_NCHW, labels_N);
    }
}

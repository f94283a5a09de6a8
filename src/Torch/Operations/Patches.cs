// B images of H x W and C channels side by side, N = B x places of the kernel, R floats under the kernel: its rows, in each its columns, in each the channels
using System.Runtime.Intrinsics;

namespace Granary.Torch.Operations;

/// <summary>What lies under a square kernel at each of its places in images of few channels, N x R, and back: what a convolution is the product with.</summary>
internal readonly unsafe record struct Patches(int Images, int Height, int Width, int Channels, int Kernel, int Stride, int Padding)
{
    /// <summary>N.</summary>
    public int Rows => Images * Places(Height) * Places(Width);

    /// <summary>R.</summary>
    public int Columns => Kernel * Kernel * Channels;

    /// <summary>Writes the patches; what lies beyond an image's edge is 0.</summary>
    public void Unfold(float* images, float* patches) => Pass(images, patches, isFolding: false);

    /// <summary>Writes images: to each place all that patches have there is added, patch by patch.</summary>
    public void Fold(float* patches, float* images)
    {
        new Span<float>(images, Images * Height * Width * Channels).Clear();
        Pass(images, patches, isFolding: true);
    }

    private int Places(int length) => (length + 2 * Padding - Kernel) / Stride + 1;

    private void Pass(float* images, float* patches, bool isFolding)
    {
        var run = Kernel * Channels;
        for (var image = 0; image < Images; image++, images += Height * Width * Channels)
        {
            for (var down = 0; down < Places(Height); down++)
            {
                for (var across = 0; across < Places(Width); across++)
                {
                    var (top, left) = (down * Stride - Padding, across * Stride - Padding);
                    var (before, behind) = (Math.Max(0, -left) * Channels, Math.Max(0, left + Kernel - Width) * Channels);
                    for (var row = top; row < top + Kernel; row++, patches += run)
                    {
                        var isInside = row >= 0 && row < Height;
                        if (!isFolding && (!isInside || before + behind > 0))
                        {
                            new Span<float>(patches, run).Clear();
                        }
                        if (isInside)
                        {
                            var at = images + (row * Width + left) * Channels + before;
                            Move(isFolding ? patches + before : at, isFolding ? at : patches + before, run - before - behind, isFolding);
                        }
                    }
                }
            }
        }
    }

    private static void Move(float* from, float* into, int count, bool isAdding)
    {
        var i = 0;
        for (; i <= count - Vector128<float>.Count; i += Vector128<float>.Count)
        {
            (isAdding ? Vector128.Load(into + i) + Vector128.Load(from + i) : Vector128.Load(from + i)).Store(into + i);
        }
        for (; i < count; i++)
        {
            into[i] = isAdding ? into[i] + from[i] : from[i];
        }
    }
}

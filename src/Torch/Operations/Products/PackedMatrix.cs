// K what is summed over, C columns
using Granary.Torch.Runtime;
using static TorchSharp.torch;

namespace Granary.Torch.Operations.Products;

/// <summary>A right factor in the order in which the innermost loop reads it, for many products of few rows; the current dispose scope owns it.</summary>
internal sealed unsafe class PackedMatrix
{
    private readonly Tensor memory;
    private readonly float* floats;
    private readonly int width;

    public PackedMatrix(Matrix right_KC)
    {
        Matrix = right_KC;
        for (var column = 0; column < right_KC.Columns; column = width)
        {
            width += MatrixProduct.WidthOf(right_KC.Columns - column);
        }
        memory = empty(right_KC.Rows, width);
        floats = memory.Floats();
        var innerAtOnce = MatrixProduct.InnerOf(right_KC);
        for (var k = 0; k < right_KC.Rows; k += innerAtOnce)
        {
            var inner = Math.Min(innerAtOnce, right_KC.Rows - k);
            for (int column = 0, panel; column < right_KC.Columns; column += panel)
            {
                panel = MatrixProduct.WidthOf(right_KC.Columns - column);
                Packing.Panel(right_KC.Part(k, inner, column, Math.Min(panel, right_KC.Columns - column)), panel, Block(k) + (nint)column * inner);
            }
        }
    }

    public Matrix Matrix { get; }

    /// <summary>The panels of those K that begin here, one behind the other.</summary>
    public float* Block(int k) => floats + (nint)k * width;
}

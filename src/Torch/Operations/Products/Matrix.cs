// R rows, C columns
using Granary.Torch.Runtime;
using static TorchSharp.torch;

namespace Granary.Torch.Operations.Products;

/// <summary>Floats in memory, as a factor of a product or as its place: a tensor of two dimensions, or a part of it, also transposed.</summary>
/// <param name="at">The first row's first.</param>
/// <param name="rowStep">Floats from a row to the next; 0: all rows are the same.</param>
/// <param name="columnStep">Floats from a column to the next; 1, if <paramref name="rowStep"/> is not.</param>
internal readonly unsafe struct Matrix(float* at, int rows, int columns, int rowStep, int columnStep = 1)
{
    public float* At { get; } = at;

    public int Rows { get; } = rows;

    public int Columns { get; } = columns;

    public int RowStep { get; } = rowStep;

    public int ColumnStep { get; } = columnStep;

    /// <summary>Rows as columns.</summary>
    public Matrix Transposed => new(At, Columns, Rows, ColumnStep, RowStep);

    /// <summary>All rows, one behind the other, of a contiguous tensor whose last dimension is that of the columns.</summary>
    public static Matrix Of(Tensor tensor)
    {
        var columns = (int)tensor.size(-1);
        return new(tensor.Floats(), (int)(tensor.numel() / columns), columns, columns);
    }

    /// <summary>A single row as many.</summary>
    public Matrix Repeated(int rows) => new(At, rows, Columns, rowStep: 0);

    /// <summary>Some of the rows and columns.</summary>
    public Matrix Part(int row, int rows, int column, int columns) => new(At + (nint)row * RowStep + (nint)column * ColumnStep, rows, columns, RowStep, ColumnStep);

    /// <summary>A row for each row, floats side by side.</summary>
    /// <param name="into">May be larger.</param>
    public void CopyTo(Matrix into)
    {
        for (var row = 0; row < Rows; row++)
        {
            new ReadOnlySpan<float>(At + (nint)row * RowStep, Columns).CopyTo(new(into.At + (nint)row * into.RowStep, Columns));
        }
    }
}

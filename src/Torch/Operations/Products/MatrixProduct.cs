// R rows, K what is summed over, C columns
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace Granary.Torch.Operations.Products;

/// <summary>
/// Products of matrices of the sizes that networks of modest width have, at the processor's rate: a general library spends a good part of
/// their time before it multiplies. In blocks that fit the caches (Goto and van de Geijn, Anatomy of High-Performance Matrix Multiplication,
/// 2008). Each element is one chain of fused operations over K in order, whatever the blocks and the processor are.
/// </summary>
internal static unsafe class MatrixProduct
{
    // Measured: left's part and a panel of right's stay in the second cache.
    private const int InnerAtOnce = 256, LeftAtOnce = 192 << 10, Widest = 48;

    [ThreadStatic]
    private static Room? room;

    /// <summary>into = start + left right; there is at least one K.</summary>
    /// <param name="into_RC">Not transposed.</param>
    /// <param name="start_RC">May be <paramref name="into_RC"/> itself; <see langword="null"/>: zeros.</param>
    public static void Multiply(Matrix left_RK, Matrix right_KC, Matrix into_RC, Matrix? start_RC = null) => Multiply(left_RK, right_KC, packed_KC: null, into_RC, start_RC);

    /// <inheritdoc cref="Multiply(Matrix, Matrix, Matrix, Matrix?)"/>
    public static void Multiply(Matrix left_RK, PackedMatrix right_KC, Matrix into_RC, Matrix? start_RC = null) => Multiply(left_RK, right_KC.Matrix, right_KC, into_RC, start_RC);

    /// <summary>How many K are multiplied at once.</summary>
    internal static int InnerOf(Matrix right_KC) => Share(right_KC.Rows, InnerAtOnce);

    /// <summary>How wide the next panel is; it may be wider than what is left.</summary>
    internal static int WidthOf(int columnsLeft) => Vector512.IsHardwareAccelerated
        ? Share((columnsLeft + Vector512<float>.Count - 1) / Vector512<float>.Count, Widest / Vector512<float>.Count) * Vector512<float>.Count
        : EightColumns.Count;

    private static void Multiply(Matrix left_RK, Matrix right_KC, PackedMatrix? packed_KC, Matrix into_RC, Matrix? start_RC)
    {
        room ??= new();
        var innerAtOnce = InnerOf(right_KC);
        for (var k = 0; k < right_KC.Rows; k += innerAtOnce)
        {
            var inner = Math.Min(innerAtOnce, right_KC.Rows - k);
            var block_KC = right_KC.Part(k, inner, 0, right_KC.Columns);
            var rowsAtOnce = Share(left_RK.Rows, LeftAtOnce / inner) + Kernel.Rows - 1 & -Kernel.Rows;
            for (var row = 0; row < left_RK.Rows; row += rowsAtOnce)
            {
                var rows = Math.Min(rowsAtOnce, left_RK.Rows - row);
                MultiplyBlock(new(left_RK.Part(row, rows, k, inner), room.Strips), block_KC, packed_KC is null ? null : packed_KC.Block(k), start_RC?.Part(row, rows, 0, into_RC.Columns), into_RC.Part(row, rows, 0, into_RC.Columns), room);
            }
            start_RC = into_RC;
        }
    }

    /// <param name="packed">Right's panels, one behind the other; null: they are yet to be packed.</param>
    private static void MultiplyBlock(LeftRows left, Matrix right_KC, float* packed, Matrix? start_RC, Matrix into_RC, Room room)
    {
        var (rows, inner) = (into_RC.Rows, right_KC.Rows);
        for (int column = 0, width; column < right_KC.Columns; column += width)
        {
            width = WidthOf(right_KC.Columns - column);
            var columns = Math.Min(width, right_KC.Columns - column);
            var panel = packed == null ? room.Panel : packed + (nint)column * inner;
            if (packed == null)
            {
                Packing.Panel(right_KC.Part(0, inner, column, columns), width, panel);
            }
            var whole = columns == width ? rows & -Kernel.Rows : 0;
            if (whole > 0)
            {
                MultiplyTiles(width, left, 0, panel, start_RC?.Part(0, whole, column, columns) ?? default, into_RC.Part(0, whole, column, columns));
            }
            for (var row = whole; row < rows; row += Kernel.Rows)
            {
                var part = into_RC.Part(row, Math.Min(Kernel.Rows, rows - row), column, columns);
                Matrix tile = new(room.Tile, Kernel.Rows, width, width);
                start_RC?.Part(row, part.Rows, column, columns).CopyTo(tile);
                MultiplyTiles(width, left, row, panel, start_RC is null ? default : tile, tile);
                tile.Part(0, part.Rows, 0, columns).CopyTo(part);
            }
        }
    }

    private static void MultiplyTiles(int width, LeftRows left, int row, float* panel, Matrix start_RC, Matrix into_RC)
    {
        var left_RK = left.From(row, into_RC.Rows, out var leftStep);
        switch (width)
        {
            case 8:
                Kernel.Multiply<EightColumns>(left_RK, leftStep, panel, start_RC, into_RC);
                break;
            case 16:
                Kernel.Multiply<SixteenColumns>(left_RK, leftStep, panel, start_RC, into_RC);
                break;
            case 32:
                Kernel.Multiply<ThirtyTwoColumns>(left_RK, leftStep, panel, start_RC, into_RC);
                break;
            default:
                Kernel.Multiply<FortyEightColumns>(left_RK, leftStep, panel, start_RC, into_RC);
                break;
        }
    }

    /// <summary>The size of each part, if there are as few parts as the most allows, and all are about the same.</summary>
    private static int Share(int all, int most)
    {
        var parts = Math.Max(1, (all + most - 1) / most);
        return (all + parts - 1) / parts;
    }

    /// <summary>Left's rows as the innermost loop reads them: where they are, if they lie along K, else packed. Those behind the last whole eight are packed always.</summary>
    private readonly struct LeftRows
    {
        private readonly Matrix left_RK;
        private readonly float* strips;
        private readonly int direct;

        public LeftRows(Matrix left_RK, float* strips)
        {
            this.left_RK = left_RK;
            this.strips = strips;
            direct = left_RK.ColumnStep == 1 ? left_RK.Rows & -Kernel.Rows : 0;
            Packing.Strips(left_RK.Part(direct, left_RK.Rows - direct, 0, left_RK.Columns), strips);
        }

        /// <param name="rows">A multiple of eight.</param>
        /// <param name="step">Floats from eight rows to the next eight.</param>
        public Matrix From(int row, int rows, out nint step)
        {
            if (row < direct)
            {
                step = (nint)Kernel.Rows * left_RK.RowStep;
                return left_RK.Part(row, rows, 0, left_RK.Columns);
            }
            step = (nint)Kernel.Rows * left_RK.Columns;
            return new(strips + (nint)(row - direct) * left_RK.Columns, rows, left_RK.Columns, 1, Kernel.Rows);
        }
    }

    /// <summary>A thread's, for the factors as the innermost loop reads them, and for a tile of the result that is not whole.</summary>
    private sealed class Room
    {
        private const int Alignment = 64;
        private readonly float* floats = (float*)NativeMemory.AlignedAlloc((nuint)(InnerAtOnce * Widest + Kernel.Rows * Widest + LeftAtOnce + InnerAtOnce * Kernel.Rows) * sizeof(float), Alignment);

        ~Room() => NativeMemory.AlignedFree(floats);

        public float* Panel => floats;

        public float* Tile => Panel + InnerAtOnce * Widest;

        public float* Strips => Tile + Kernel.Rows * Widest;
    }
}

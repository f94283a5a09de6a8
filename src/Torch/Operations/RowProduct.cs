// R rows, K what is summed over, C columns
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using Granary.Torch.Runtime;
using static TorchSharp.torch;

namespace Granary.Torch.Operations;

/// <summary>
/// Products of few rows, as a recurrent layer has one for each time: what oneDNN does before it multiplies would take as long again.
/// Sums run over K in order.
/// </summary>
internal static unsafe class RowProduct
{
    private const int RowsAtOnce = 8, ColumnsAtOnce = 2 * Lanes.Count;

    // Measured: it must fit into the second cache, for it is not put in order first.
    private const long Largest = 1 << 18;

    /// <summary>Whether it is faster, if contiguous; else libtorch multiplies.</summary>
    public static bool Takes(Tensor right_KC) => Avx512F.IsSupported && right_KC.numel() <= Largest;

    /// <summary>into = left right, or into += left right.</summary>
    public static void Multiply(Tensor left_RK, Tensor right_KC, Tensor into_RC, bool add)
    {
        if (!Takes(right_KC) || !right_KC.is_contiguous())
        {
            into_RC.addmm_(left_RK, right_KC, beta: add ? 1 : 0, alpha: 1);
            return;
        }
        var (rows, inner, columns) = ((int)left_RK.size(0), (int)right_KC.size(0), (int)right_KC.size(1));
        float* left = left_RK.Floats(), right = right_KC.Floats(), into = into_RC.Floats();
        for (var column = 0; column < columns; column += ColumnsAtOnce)
        {
            for (var row = 0; row < rows; row += RowsAtOnce)
            {
                MultiplyBlock(left + row * inner, right + column, into + row * columns + column, rows - row, inner, columns, columns - column, add);
            }
        }
    }

    /// <summary>Eight rows, or the last of those that are left in place of the others, by 32 columns: the sums stay in registers, if nothing is inlined.</summary>
    [MethodImpl(MethodImplOptions.NoInlining | MethodImplOptions.AggressiveOptimization)]
    private static void MultiplyBlock(float* left, float* right, float* into, int rows, int inner, int columns, int columnsLeft, bool add)
    {
        var (inLow, inHigh) = (Lanes.First(columnsLeft), Lanes.First(columnsLeft - Lanes.Count));
        float* left0 = left, left1 = left + Math.Min(1, rows - 1) * inner, left2 = left + Math.Min(2, rows - 1) * inner, left3 = left + Math.Min(3, rows - 1) * inner, left4 = left + Math.Min(4, rows - 1) * inner, left5 = left + Math.Min(5, rows - 1) * inner, left6 = left + Math.Min(6, rows - 1) * inner, left7 = left + Math.Min(7, rows - 1) * inner;
        var zero = Vector512<float>.Zero;
        var (low0, low1, low2, low3, low4, low5, low6, low7) = (zero, zero, zero, zero, zero, zero, zero, zero);
        var (high0, high1, high2, high3, high4, high5, high6, high7) = (zero, zero, zero, zero, zero, zero, zero, zero);
        for (var k = 0; k < inner; k++, right += columns)
        {
            var (low, high) = (Avx512F.MaskLoad(right, inLow, zero), Avx512F.MaskLoad(right + Lanes.Count, inHigh, zero));
            var value = Vector512.Create(left0[k]);
            (low0, high0) = (Vector512.FusedMultiplyAdd(value, low, low0), Vector512.FusedMultiplyAdd(value, high, high0));
            value = Vector512.Create(left1[k]);
            (low1, high1) = (Vector512.FusedMultiplyAdd(value, low, low1), Vector512.FusedMultiplyAdd(value, high, high1));
            value = Vector512.Create(left2[k]);
            (low2, high2) = (Vector512.FusedMultiplyAdd(value, low, low2), Vector512.FusedMultiplyAdd(value, high, high2));
            value = Vector512.Create(left3[k]);
            (low3, high3) = (Vector512.FusedMultiplyAdd(value, low, low3), Vector512.FusedMultiplyAdd(value, high, high3));
            value = Vector512.Create(left4[k]);
            (low4, high4) = (Vector512.FusedMultiplyAdd(value, low, low4), Vector512.FusedMultiplyAdd(value, high, high4));
            value = Vector512.Create(left5[k]);
            (low5, high5) = (Vector512.FusedMultiplyAdd(value, low, low5), Vector512.FusedMultiplyAdd(value, high, high5));
            value = Vector512.Create(left6[k]);
            (low6, high6) = (Vector512.FusedMultiplyAdd(value, low, low6), Vector512.FusedMultiplyAdd(value, high, high6));
            value = Vector512.Create(left7[k]);
            (low7, high7) = (Vector512.FusedMultiplyAdd(value, low, low7), Vector512.FusedMultiplyAdd(value, high, high7));
        }
        Put(low0, high0, into, inLow, inHigh, add);
        if (rows > 1)
        {
            Put(low1, high1, into + 1 * columns, inLow, inHigh, add);
        }
        if (rows > 2)
        {
            Put(low2, high2, into + 2 * columns, inLow, inHigh, add);
        }
        if (rows > 3)
        {
            Put(low3, high3, into + 3 * columns, inLow, inHigh, add);
        }
        if (rows > 4)
        {
            Put(low4, high4, into + 4 * columns, inLow, inHigh, add);
        }
        if (rows > 5)
        {
            Put(low5, high5, into + 5 * columns, inLow, inHigh, add);
        }
        if (rows > 6)
        {
            Put(low6, high6, into + 6 * columns, inLow, inHigh, add);
        }
        if (rows > 7)
        {
            Put(low7, high7, into + 7 * columns, inLow, inHigh, add);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Put(Vector512<float> low, Vector512<float> high, float* into, Vector512<float> inLow, Vector512<float> inHigh, bool add)
    {
        var zero = Vector512<float>.Zero;
        Avx512F.MaskStore(into, inLow, add ? low + Avx512F.MaskLoad(into, inLow, zero) : low);
        Avx512F.MaskStore(into + Lanes.Count, inHigh, add ? high + Avx512F.MaskLoad(into + Lanes.Count, inHigh, zero) : high);
    }
}

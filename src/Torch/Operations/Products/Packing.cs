// R rows, K what is summed over, C columns
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Granary.Torch.Operations.Products;

/// <summary>Puts a product's factors in the order in which its innermost loop reads them.</summary>
internal static unsafe class Packing
{
    private const int RowsAhead = 8;

    /// <summary>Right's columns, <paramref name="width"/> floats for each K, of which those behind the last column are left as they are.</summary>
    /// <param name="right_KC">At most <paramref name="width"/> columns.</param>
    public static void Panel(Matrix right_KC, int width, float* into_KC)
    {
        var whole = right_KC.Columns & -(right_KC.ColumnStep == 1 ? Vector256<float>.Count : Vector128<float>.Count);
        var done = right_KC.ColumnStep == 1 ? Rows(right_KC, whole, into_KC, width) : Columns(right_KC, whole, into_KC, width);
        for (var k = whole == right_KC.Columns ? done : 0; k < right_KC.Rows; k++)
        {
            var from = right_KC.At + (nint)k * right_KC.RowStep;
            for (var column = k < done ? whole : 0; column < right_KC.Columns; column++)
            {
                into_KC[(nint)k * width + column] = from[(nint)column * right_KC.ColumnStep];
            }
        }
    }

    /// <returns>How many K it has done.</returns>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static int Rows(Matrix right_KC, int columns, float* into_KC, int width)
    {
        var from = right_KC.At;
        var whole = columns & -Vector512<float>.Count;
        for (var k = 0; k < right_KC.Rows; k++, from += right_KC.RowStep, into_KC += width)
        {
            var ahead = from + (nint)RowsAhead * right_KC.RowStep;
            for (var column = 0; column < whole; column += Vector512<float>.Count)
            {
                if (Sse.IsSupported)
                {
                    Sse.Prefetch0(ahead + column);
                }
                Vector512.Load(from + column).Store(into_KC + column);
            }
            if (whole < columns)
            {
                Vector256.Load(from + whole).Store(into_KC + whole);
            }
        }
        return right_KC.Rows;
    }

    /// <summary>Four K of four columns at a time.</summary>
    /// <inheritdoc cref="Rows"/>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static int Columns(Matrix right_KC, int columns, float* into_KC, int width)
    {
        if (!Sse.IsSupported)
        {
            return 0;
        }
        nint step = right_KC.ColumnStep;
        var done = right_KC.Rows & -Vector128<float>.Count;
        for (var column = 0; column < columns; column += Vector128<float>.Count)
        {
            float* from = right_KC.At + column * step, into = into_KC + column;
            for (var k = 0; k < done; k += Vector128<float>.Count, from += Vector128<float>.Count, into += Vector128<float>.Count * (nint)width)
            {
                Vector128<float> a = Vector128.Load(from), b = Vector128.Load(from + step), c = Vector128.Load(from + 2 * step), d = Vector128.Load(from + 3 * step);
                Vector128<float> lowAB = Sse.UnpackLow(a, b), highAB = Sse.UnpackHigh(a, b), lowCD = Sse.UnpackLow(c, d), highCD = Sse.UnpackHigh(c, d);
                Sse.MoveLowToHigh(lowAB, lowCD).Store(into);
                Sse.MoveHighToLow(lowCD, lowAB).Store(into + width);
                Sse.MoveLowToHigh(highAB, highCD).Store(into + 2 * (nint)width);
                Sse.MoveHighToLow(highCD, highAB).Store(into + 3 * (nint)width);
            }
        }
        return done;
    }

    /// <summary>Left's rows, eight at a time, their values for each K side by side; the last row again where it has no more.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Strips(Matrix left_RK, float* into)
    {
        var (rows, inner) = (left_RK.Rows, left_RK.Columns);
        nint strip = (nint)Kernel.Rows * inner, step = left_RK.ColumnStep;
        var row = 0;
        for (; left_RK.RowStep == 1 && row <= rows - 2 * Kernel.Rows; row += 2 * Kernel.Rows, into += 2 * strip)
        {
            float* from = left_RK.At + row, to = into;
            for (var k = 0; k < inner; k++, from += step, to += Kernel.Rows)
            {
                if (Sse.IsSupported)
                {
                    Sse.Prefetch0(from + RowsAhead * step);
                }
                Vector256.Load(from).Store(to);
                Vector256.Load(from + Kernel.Rows).Store(to + strip);
            }
        }
        for (; row < rows; row += Kernel.Rows)
        {
            var from = left_RK.At + (nint)row * left_RK.RowStep;
            for (var k = 0; k < inner; k++, from += step, into += Kernel.Rows)
            {
                for (var i = 0; i < Kernel.Rows; i++)
                {
                    into[i] = from[Math.Min(i, rows - row - 1) * (nint)left_RK.RowStep];
                }
            }
        }
    }
}

// R rows, K what is summed over, C columns
using System.Runtime.CompilerServices;

namespace Granary.Torch.Operations.Products;

/// <summary>The innermost loop of products: eight rows by some vectors of columns, whose sums stay in registers.</summary>
internal static unsafe class Kernel
{
    public const int Rows = 8;

    /// <summary>into = start + left right, each element one chain of fused operations over K in order.</summary>
    /// <param name="left_RK">A multiple of eight rows.</param>
    /// <param name="leftStep">Floats from eight rows to the next eight.</param>
    /// <param name="right_KC">As many columns as <typeparamref name="TColumns"/> holds, one row behind the other.</param>
    /// <param name="start_RC">No memory: zeros.</param>
    [MethodImpl(MethodImplOptions.NoInlining | MethodImplOptions.AggressiveOptimization)]
    public static void Multiply<TColumns>(Matrix left_RK, nint leftStep, float* right_KC, Matrix start_RC, Matrix into_RC) where TColumns : struct, IColumns<TColumns>
    {
        float* left = left_RK.At, start = start_RC.At, into = into_RC.At;
        nint step = left_RK.RowStep, innerStep = left_RK.ColumnStep, startStep = start_RC.RowStep, intoStep = into_RC.RowStep;
        for (var row = 0; row < left_RK.Rows; row += Rows)
        {
            float* left0 = left, left1 = left0 + step, left2 = left1 + step, left3 = left2 + step, left4 = left3 + step, left5 = left4 + step, left6 = left5 + step, left7 = left6 + step;
            TColumns sum0 = default, sum1 = default, sum2 = default, sum3 = default, sum4 = default, sum5 = default, sum6 = default, sum7 = default;
            if (start != null)
            {
                sum0 = TColumns.Load(start);
                sum1 = TColumns.Load(start + startStep);
                sum2 = TColumns.Load(start + 2 * startStep);
                sum3 = TColumns.Load(start + 3 * startStep);
                sum4 = TColumns.Load(start + 4 * startStep);
                sum5 = TColumns.Load(start + 5 * startStep);
                sum6 = TColumns.Load(start + 6 * startStep);
                sum7 = TColumns.Load(start + 7 * startStep);
                start += Rows * startStep;
            }
            nint place = 0;
            var right = right_KC;
            for (var inner = left_RK.Columns; inner > 0; inner--, place += innerStep, right += TColumns.Count)
            {
                var columns = TColumns.Load(right);
                sum0 = sum0.Add(left0[place], columns);
                sum1 = sum1.Add(left1[place], columns);
                sum2 = sum2.Add(left2[place], columns);
                sum3 = sum3.Add(left3[place], columns);
                sum4 = sum4.Add(left4[place], columns);
                sum5 = sum5.Add(left5[place], columns);
                sum6 = sum6.Add(left6[place], columns);
                sum7 = sum7.Add(left7[place], columns);
            }
            sum0.Store(into);
            sum1.Store(into + intoStep);
            sum2.Store(into + 2 * intoStep);
            sum3.Store(into + 3 * intoStep);
            sum4.Store(into + 4 * intoStep);
            sum5.Store(into + 5 * intoStep);
            sum6.Store(into + 6 * intoStep);
            sum7.Store(into + 7 * intoStep);
            left += leftStep;
            into += Rows * intoStep;
        }
    }
}

using Granary.Training.Tasks;

namespace Granary.Training.TensorBoard;

/// <summary>How a tensor's finite values are spread, over buckets of equal width.</summary>
/// <param name="Limits">The upper ends of the buckets; the first begins at <paramref name="Min"/>.</param>
internal sealed record TensorHistogram(double Min, double Max, long Count, double Sum, double SumOfSquares, double[] Limits, double[] Counts)
{
    // As many as TensorBoard draws.
    private const int Buckets = 30;
    private const long Piece = 1 << 20;

    /// <returns><see langword="null"/>: the tensor has no finite value.</returns>
    public static TensorHistogram? Of(StateTensor tensor)
    {
        var (min, max, count, sum, squares) = (float.PositiveInfinity, float.NegativeInfinity, 0L, 0.0, 0.0);
        for (var start = 0L; start < tensor.Length; start += Piece)
        {
            foreach (var value in tensor.Part(start, Math.Min(Piece, tensor.Length - start)))
            {
                if (float.IsFinite(value))
                {
                    (min, max, count) = (Math.Min(min, value), Math.Max(max, value), count + 1);
                    (sum, squares) = (sum + value, squares + (double)value * value);
                }
            }
        }
        if (count == 0)
        {
            return null;
        }
        var counts = new double[min < max ? Buckets : 1];
        var width = ((double)max - min) / counts.Length;
        for (var start = 0L; start < tensor.Length; start += Piece)
        {
            foreach (var value in tensor.Part(start, Math.Min(Piece, tensor.Length - start)))
            {
                if (float.IsFinite(value))
                {
                    counts[width > 0 ? Math.Min((int)((value - (double)min) / width), counts.Length - 1) : 0]++;
                }
            }
        }
        var limits = counts.Select((_, bucket) => bucket + 1 < counts.Length ? min + (bucket + 1) * width : max).ToArray();
        return new(min, max, count, sum, squares, limits, counts);
    }
}

using System.Runtime.Intrinsics;

namespace Granary.Models.Word2Vec;

/// <summary>
/// A vector that is the mean of several rows, and whose change is a change of each of them: the window of CBOW, a word made of
/// n-grams. If all rows move by the change, the mean has moved by it (as the programs of word2vec and of fastText do it).
/// </summary>
internal static unsafe class RowMean
{
    private const int Lanes = 16;

    /// <param name="mean">Becomes the mean; a row padded to whole lanes, as all of them.</param>
    /// <param name="copy">Becomes the same.</param>
    public static void Take(float** rows, int count, float* mean, float* copy, int dimension)
    {
        var share = Vector512.Create(1f / count);
        for (var k = 0; k < dimension; k += Lanes)
        {
            var sum = Vector512.Load(rows[0] + k);
            for (var i = 1; i < count; i++)
            {
                sum += Vector512.Load(rows[i] + k);
            }
            sum *= share;
            sum.Store(mean + k);
            sum.Store(copy + k);
        }
    }

    /// <summary>Moves the rows by what has become of their mean. A row that stands there twice moves twice.</summary>
    public static void Move(float** rows, int count, float* mean, float* copy, int dimension)
    {
        for (var k = 0; k < dimension; k += Lanes)
        {
            var change = Vector512.Load(mean + k) - Vector512.Load(copy + k);
            for (var i = 0; i < count; i++)
            {
                (Vector512.Load(rows[i] + k) + change).Store(rows[i] + k);
            }
        }
    }
}

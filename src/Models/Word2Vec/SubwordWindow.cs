using Granary.Training.Numerics;

namespace Granary.Models.Word2Vec;

/// <summary>
/// The words that lie in reach of a centre word, each as the mean of its n-grams' vectors. A word's mean is taken when it comes
/// into reach, is trained there like a row, and gives its change to the n-grams when it goes: once, not for each of its windows.
/// </summary>
internal sealed unsafe class SubwordWindow(int dimension, int window) : IDisposable
{
    private readonly int slots = 2 * window + 1, width = WindowKernel.PaddedWidth(dimension);
    private readonly NativeFloats means = new((2 * window + 1) * WindowKernel.PaddedWidth(dimension));
    private readonly NativeFloats copies = new((2 * window + 1) * WindowKernel.PaddedWidth(dimension));
    private float*[] rows = new float*[64];

    /// <summary>The vector of the word at a position.</summary>
    public float* this[int position] => means.Pointer + position % slots * width;

    /// <summary>A word comes into reach.</summary>
    /// <param name="positions">Where the rows of its n-grams lie in the table.</param>
    public void Admit(int position, ReadOnlySpan<int> positions, float* table)
    {
        fixed (float** pointers = Pointers(positions, table))
        {
            RowMean.Take(pointers, positions.Length, this[position], CopyOf(position), dimension);
        }
    }

    /// <summary>A word goes out of reach.</summary>
    public void Retire(int position, ReadOnlySpan<int> positions, float* table)
    {
        fixed (float** pointers = Pointers(positions, table))
        {
            RowMean.Move(pointers, positions.Length, this[position], CopyOf(position), dimension);
        }
    }

    public void Dispose()
    {
        means.Dispose();
        copies.Dispose();
    }

    private float* CopyOf(int position) => copies.Pointer + position % slots * width;

    private float*[] Pointers(ReadOnlySpan<int> positions, float* table)
    {
        if (rows.Length < positions.Length)
        {
            rows = new float*[positions.Length];
        }
        for (var i = 0; i < positions.Length; i++)
        {
            rows[i] = table + (long)positions[i] * width;
        }
        return rows;
    }
}

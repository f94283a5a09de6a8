using Granary.Training.Numerics;

namespace Granary.Models.Word2Vec;

/// <summary>The vectors of words made of n-grams: computed when somebody asks, until the weights move.</summary>
/// <param name="table">The vectors of words and n-grams.</param>
internal sealed unsafe class ComposedVectors(Subwords subwords, int words, int dimension, NativeFloats table)
{
    private float[] composed = [];

    /// <summary>The weights have moved.</summary>
    public void Forget() => composed = [];

    /// <summary>A row for each word of the vocabulary.</summary>
    public Span<float> OfWords()
    {
        if (composed.Length == 0)
        {
            composed = new float[checked(words * dimension)];
            for (var word = 0; word < words; word++)
            {
                Compose(subwords.Rows.Numbers(word), composed.AsSpan(word * dimension, dimension));
            }
        }
        return composed;
    }

    /// <summary>The vector of a word that is not in the vocabulary; <see langword="null"/>: it has nothing in common with those that are.</summary>
    public float[]? OfUnknown(string word)
    {
        var rows = subwords.RowsOfUnknown(word);
        if (rows.Length == 0)
        {
            return null;
        }
        var vector = new float[dimension];
        Compose(rows, vector);
        return vector;
    }

    private void Compose(ReadOnlySpan<int> rows, Span<float> into)
    {
        fixed (float* vector = into)
        {
            foreach (var row in rows)
            {
                VectorMath.AddScaled(vector, table.Pointer + (long)row * dimension, 1f / rows.Length, dimension);
            }
        }
    }
}

using Granary.Training.Frames;
using Granary.Training.Numerics;

namespace Granary.Models.Word2Vec;

/// <summary>
/// The input and output vectors: the weights. Every shard trains a copy of the rows it needs, from the same
/// weights; this class takes the copies and averages what became of them.
/// </summary>
/// <remarks>
/// A shard's change of a row counts as often as the row was drawn there, and <see cref="Prior"/> times more; the sum is
/// divided by how often the row was drawn in all, plus <see cref="Prior"/>. So the changes of a frequent word are averaged, as each
/// shard has moved it towards the same goal; those of a rare word add up, as if one shard had made them all.
/// </remarks>
internal sealed unsafe class WordTables(int inputs, int outputs, int dimension) : IDisposable
{
    private const float Prior = 20;

    public NativeFloats Input { get; } = new(checked(inputs * dimension));

    public NativeFloats Output { get; } = new(checked(outputs * dimension));

    /// <summary>Copies the weights of the frame's rows, with zeros behind.</summary>
    public void CopyTo(SparseRows rows)
    {
        for (var i = 0; i < rows.Count; i++)
        {
            new ReadOnlySpan<float>(Row(rows.Numbers[i]), dimension).CopyTo(new(rows.Row(i), dimension));
            new Span<float>(rows.Row(i) + dimension, rows.Width - dimension).Clear();
        }
    }

    /// <summary>Turns trained rows into their changes, ready to be summed over shards.</summary>
    /// <param name="drawn">How often each of the rows was drawn.</param>
    public void TakeChanges(SparseRows rows, ReadOnlySpan<int> drawn)
    {
        for (var i = 0; i < rows.Count; i++)
        {
            VectorMath.ScaledDifference(rows.Row(i), Row(rows.Numbers[i]), Prior + drawn[i], rows.Row(i), dimension);
            rows.Row(i)[dimension] = drawn[i];
        }
    }

    /// <summary>Moves the weights by the sum of all shards' changes.</summary>
    public void Move(SparseRows sum)
    {
        for (var i = 0; i < sum.Count; i++)
        {
            VectorMath.AddScaled(Row(sum.Numbers[i]), sum.Row(i), 1 / (Prior + sum.Row(i)[dimension]), dimension);
        }
    }

    public void Dispose()
    {
        Input.Dispose();
        Output.Dispose();
    }

    /// <summary>The first numbers are the input vectors', those above are the output vectors'.</summary>
    private float* Row(int number) =>
        number < inputs ? Input.Pointer + (long)number * dimension : Output.Pointer + (long)(number - inputs) * dimension;
}

using Granary.Training.Shards;

namespace Granary.Training.Numerics;

/// <summary>
/// Adds the values of some nodes that together make up one node of the canonical tree, in the tree's order. Made once a
/// round, used for every step; not for several threads at once.
/// </summary>
public sealed unsafe class TreeSum : IDisposable
{
    // A chunk and its intermediate results stay in the first-level cache.
    private const int Chunk = 1024;
    private readonly IReadOnlyList<(int Left, int Right)> additions;
    private readonly float*[] operands;
    private readonly NativeFloats intermediate;

    /// <param name="nodes">From left to right.</param>
    /// <exception cref="ArgumentException">The nodes do not add up to one node.</exception>
    public TreeSum(IReadOnlyList<ShardRange> nodes, int shards)
    {
        Inputs = nodes.Count;
        additions = CanonicalTree.Additions(nodes, shards);
        Node = new(nodes[0].Start, nodes[^1].End);
        operands = new float*[Inputs + additions.Count];
        intermediate = new(Math.Max(1, additions.Count) * Chunk);
    }

    /// <summary>How many nodes it adds up.</summary>
    public int Inputs { get; }

    /// <summary>What the inputs add up to.</summary>
    public ShardRange Node { get; }

    /// <summary>into = the sum of the inputs. <paramref name="into"/> may be one of them.</summary>
    public void Sum(ReadOnlySpan<nint> inputs, float* into, long length)
    {
        for (var start = 0L; start < length; start += Chunk)
        {
            var count = (int)Math.Min(Chunk, length - start);
            for (var input = 0; input < Inputs; input++)
            {
                operands[input] = (float*)inputs[input] + start;
            }
            AddAll(into + start, count);
        }
    }

    /// <summary>The same for at most one chunk, where a null input is absent and adds nothing; at least one must be present.</summary>
    public void SumPresent(ReadOnlySpan<nint> inputs, float* into, int width)
    {
        for (var start = 0; start < width; start += Chunk)
        {
            for (var input = 0; input < Inputs; input++)
            {
                operands[input] = inputs[input] == 0 ? null : (float*)inputs[input] + start;
            }
            AddAll(into + start, Math.Min(Chunk, width - start));
        }
    }

    /// <inheritdoc/>
    public void Dispose() => intermediate.Dispose();

    private void AddAll(float* into, int count)
    {
        var sum = operands[0];
        for (var i = 0; i < additions.Count; i++)
        {
            float* left = operands[additions[i].Left], right = operands[additions[i].Right];
            if (left == null || right == null)
            {
                sum = left == null ? right : left;
            }
            else
            {
                sum = i == additions.Count - 1 ? into : intermediate.Pointer + i * Chunk;
                VectorMath.Add(left, right, sum, count);
            }
            operands[Inputs + i] = sum;
        }
        if (sum != into)
        {
            new ReadOnlySpan<float>(sum, count).CopyTo(new(into, count));
        }
    }
}

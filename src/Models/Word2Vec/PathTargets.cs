using Granary.Training.Randomness;

namespace Granary.Models.Word2Vec;

/// <summary>Hierarchical softmax: yes or no, left or right, at each node of a tree on the way from its root to the centre word.</summary>
/// <param name="first">The row of the root.</param>
internal sealed class PathTargets(HuffmanTree tree, int first) : ITargets
{
    private readonly RowLists paths = new([.. tree.Paths.Select(path => path.Nodes.Select(node => first + node).ToArray())]);
    private readonly ulong[] turns = [.. tree.Paths.Select(path => path.Turns)];

    public int Most => paths.Longest;

    public int Rows => tree.Nodes;

    public void Reserve(int centres)
    {
    }

    public void Draw(int word, ref StepRandom random)
    {
    }

    public void Count(ReadOnlySpan<int> words, RowIndex index) => paths.Count(words, index);

    public void Locate(RowIndex index) => paths.Locate(index);

    public ReadOnlySpan<int> Of(int centre, int word, out ulong positives)
    {
        positives = turns[word];
        return paths.Located(word);
    }
}

namespace Granary.Models.Word2Vec;

/// <summary>
/// The binary tree with words for leaves in which the way from the root to a word is shortest on average (Huffman, 1952):
/// frequent words hang near the root. Ties are broken by the words' order.
/// </summary>
internal sealed class HuffmanTree
{
    /// <param name="counts">How often each word occurs, in descending order; two words at least.</param>
    public HuffmanTree(IReadOnlyList<long> counts)
    {
        Nodes = counts.Count - 1;
        var (weights, parents) = (new long[Nodes], new int[counts.Count + Nodes]);
        var isSecond = new bool[counts.Count + Nodes];
        // Words from the rarest on, and nodes in the order of their making, both by ascending weight: the two lightest are in front.
        int word = counts.Count - 1, waiting = 0;
        for (var node = 0; node < Nodes; node++)
        {
            for (var child = 0; child < 2; child++)
            {
                var takesWord = word >= 0 && (waiting == node || counts[word] <= weights[waiting]);
                weights[node] += takesWord ? counts[word] : weights[waiting];
                var taken = takesWord ? word-- : counts.Count + waiting++;
                (parents[taken], isSecond[taken]) = (node, child == 1);
            }
        }
        Paths = [.. Enumerable.Range(0, counts.Count).Select(PathTo)];

        (int[] Nodes, ulong Turns) PathTo(int leaf)
        {
            var (nodes, turns) = (new List<int>(), 0UL);
            for (var at = leaf; at != counts.Count + Nodes - 1; at = counts.Count + parents[at])
            {
                nodes.Add(Nodes - 1 - parents[at]); // the root was made last, and is number 0
                turns = turns << 1 | (isSecond[at] ? 1UL : 0);
            }
            nodes.Reverse();
            return ([.. nodes], turns);
        }
    }

    /// <summary>How many nodes have children; one less than there are words.</summary>
    public int Nodes { get; }

    /// <summary>For each word, the nodes from the root on, number 0, and at each of them the turn: a bit, the root's lowest.</summary>
    public IReadOnlyList<(int[] Nodes, ulong Turns)> Paths { get; }
}

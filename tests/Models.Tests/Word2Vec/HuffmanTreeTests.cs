using Granary.Models.Word2Vec;
using Granary.Training.Randomness;

namespace Granary.Models.Tests.Word2Vec;

public class HuffmanTreeTests
{
    [Theory]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(100)]
    [InlineData(1000)]
    public void Ways_AreAsShortAsTheyCanBeAndNoneBeginsAnother(int words)
    {
        var random = new StepRandom((ulong)words);
        long[] counts = [.. Enumerable.Range(0, words).Select(_ => (long)(1 / (random.NextDouble() + 1e-6))).OrderDescending()];
        var tree = new HuffmanTree(counts);

        // Huffman's algorithm by its book: what is merged is as long in all as the sum of all mergers.
        var queue = new PriorityQueue<long, long>(counts.Select(count => (count, count)));
        var shortest = 0L;
        while (queue.Count > 1)
        {
            var merged = queue.Dequeue() + queue.Dequeue();
            shortest += merged;
            queue.Enqueue(merged, merged);
        }
        Assert.Equal(shortest, tree.Paths.Zip(counts, (path, count) => path.Nodes.Length * count).Sum());

        Assert.Equal(words - 1, tree.Nodes);
        Assert.All(tree.Paths, path => Assert.Equal(0, path.Nodes[0]));
        // Each node is left by both turns, each way to one place: to a node or to a word.
        var steps = new Dictionary<(int Node, ulong Turn), string>();
        foreach (var (word, (nodes, turns)) in tree.Paths.Index())
        {
            for (var i = 0; i < nodes.Length; i++)
            {
                var leadsTo = i + 1 < nodes.Length ? $"node {nodes[i + 1]}" : $"word {word}";
                Assert.Equal(leadsTo, steps.TryAdd((nodes[i], turns >> i & 1), leadsTo) ? leadsTo : steps[(nodes[i], turns >> i & 1)]);
            }
        }
        Assert.Equal(2 * tree.Nodes, steps.Values.Distinct().Count());
    }
}

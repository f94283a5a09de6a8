using CsCheck;
using Granary.Training.Numerics;
using Granary.Training.Shards;

namespace Granary.Training.Tests;

public unsafe class CanonicalTreeTests
{
    [Fact]
    public void Cover_OfARange_IsTheFewestWholeNodes()
    {
        Assert.Equal([new(0, 8)], CanonicalTree.Cover(new(0, 8), 8));
        Assert.Equal([new(1, 2), new(2, 4), new(4, 5)], CanonicalTree.Cover(new(1, 5), 8));
        Assert.Equal([new(3, 4), new(4, 5)], CanonicalTree.Cover(new(3, 5), 5));
        Assert.Equal([new(4, 6)], CanonicalTree.Cover(new(4, 6), 6));
    }

    [Fact]
    public void Split_OverMoreWorkersThanShards_SaysHowManyThereMayBe()
    {
        var error = Assert.Throws<ArgumentOutOfRangeException>(() => ShardRange.Split(4, 5));
        Assert.Contains("4 shards can be spread over 1 to 4 workers, not over 5", error.Message);
    }

    /// <summary>However shards are cut into ranges, the sum has the bits of the tree's definition.</summary>
    [Fact]
    public void TreeSum_OfAnyPlacementOfShards_HasTheBitsOfTheDefinition() =>
        Gen.Select(Gen.Int[1, 33], Gen.ULong).SelectMany((shards, seed) => Gen.Select(Gen.Const(shards), Gen.Const(seed), Gen.Bool.Array[shards]))
            .Sample((shards, seed, cuts) =>
            {
                const int Length = 37;
                var random = new Granary.Training.Randomness.StepRandom(seed);
                using var values = new NativeFloats(shards * Length);
                foreach (ref var value in values.Span)
                {
                    value = (float)((random.NextDouble() - 0.5) * Math.Exp(20 * random.NextDouble()));
                }
                var expected = Enumerable.Range(0, Length).Select(i => Define(0, shards, shards, shard => values.Span[shard * Length + i])).ToArray();

                // Each maximal run between cuts is one worker; it sums its nodes, the rest is summed over workers.
                var starts = Enumerable.Range(0, shards).Where(shard => shard == 0 || cuts[shard]).Append(shards).ToList();
                var nodes = starts.Zip(starts.Skip(1)).SelectMany(pair => CanonicalTree.Cover(new(pair.First, pair.Second), shards)).ToList();
                using var partial = new NativeFloats(nodes.Count * Length);
                for (var n = 0; n < nodes.Count; n++)
                {
                    using var local = new TreeSum([.. Enumerable.Range(nodes[n].Start, nodes[n].Count).Select(shard => new ShardRange(shard, shard + 1))], shards);
                    local.Sum([.. Enumerable.Range(nodes[n].Start, nodes[n].Count).Select(shard => (nint)(values.Pointer + shard * Length))], partial.Pointer + n * Length, Length);
                }
                using var tree = new TreeSum(nodes, shards);
                tree.Sum([.. Enumerable.Range(0, nodes.Count).Select(n => (nint)(partial.Pointer + n * Length))], partial.Pointer, Length);
                Assert.Equal(expected, partial.Span[..Length].ToArray());
            }, iter: 300);

    /// <summary>The definition: nodes of size 2^n, cut off at the number of shards; left half plus right half.</summary>
    private static float Define(int start, int size, int shards, Func<int, float> leaf)
    {
        var whole = 1;
        while (whole < size)
        {
            whole *= 2;
        }
        return At(start, whole);

        float At(int from, int width) => width == 1 ? leaf(from)
            : from + width / 2 >= shards ? At(from, width / 2)
            : At(from, width / 2) + At(from + width / 2, width / 2);
    }
}

using Granary.Torch.Data;
using Granary.Training.Randomness;

namespace Granary.Models.Tests.Data;

public class ShuffledEpochsTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(5)]
    [InlineData(16)]
    [InlineData(17)]
    [InlineData(60_000)]
    public void Permutation_OfAnyCount_HasEveryNumberOnce(int count)
    {
        var order = Order(count, 3);
        Assert.Equal(Enumerable.Range(0, count), order.Order());
    }

    [Fact]
    public void Permutation_DependsOnItsSeedsAlone()
    {
        Assert.Equal(Order(1000, 1, 7), Order(1000, 1, 7));
        Assert.NotEqual(Order(1000, 1, 7), Order(1000, 1, 8));
    }

    [Fact]
    public void Permutation_OverManySeeds_PutsEveryNumberEverywhere()
    {
        const int Count = 10, Seeds = 20_000;
        var seen = new int[Count, Count];
        for (ulong seed = 0; seed < Seeds; seed++)
        {
            var order = Order(Count, seed);
            for (var i = 0; i < Count; i++)
            {
                seen[i, order[i]]++;
            }
        }
        Assert.All(seen.Cast<int>(), times => Assert.InRange(times, Seeds / Count * 0.85, Seeds / Count * 1.15));
    }

    [Fact]
    public void Position_OutsideTheRange_IsRefused() => Assert.Throws<ArgumentOutOfRangeException>(() => new Permutation(5, 1)[5]);

    [Fact]
    public void Epoch_GivesEverySampleToOneShardOfOneStep()
    {
        const int Samples = 103, Batch = 10, Shards = 4;
        var epochs = new ShuffledEpochs(Samples, Batch, Shards, seed: 1);
        Assert.Equal(11, epochs.StepsPerEpoch);
        Assert.Equal(Enumerable.Range(0, Samples), Epoch(0).Order());
        Assert.Equal(Enumerable.Range(0, Samples), Epoch(5).Order());
        Assert.NotEqual(Epoch(0), Epoch(5));

        List<int> Epoch(int number) =>
        [
            .. from step in Enumerable.Range(number * 11, 11)
               from shard in Enumerable.Range(0, Shards)
               from sample in epochs.SamplesOf(step, shard)
               select sample,
        ];
    }

    private static List<int> Order(int count, params ulong[] seeds)
    {
        var permutation = new Permutation(count, seeds);
        return [.. Enumerable.Range(0, count).Select(position => permutation[position])];
    }
}

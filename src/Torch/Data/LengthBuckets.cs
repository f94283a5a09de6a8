using Granary.Training.Randomness;
using Granary.Training.Tasks;

namespace Granary.Torch.Data;

/// <summary>
/// Sequences in batches of nearly one length, so that little is padded. Every epoch goes once through all samples: they are shuffled, each
/// piece of some dozen batches is sorted by length, and its batches come in an order of their own. A batch's sequences are dealt
/// to the shards like cards, so that none has all the long ones.
/// </summary>
/// <typeparam name="TBatch">See <see cref="IBatches{TBatch}"/>.</typeparam>
public sealed class LengthBuckets<TBatch> : IBatches<TBatch> where TBatch : class
{
    private const int BatchesPerPiece = 50;
    private readonly IReadOnlyList<int> lengths;
    private readonly int batch;
    private readonly TrainingSpec spec;
    private readonly Func<int[], long, TBatch> make;
    private volatile Piece newest = new(-1, -1, []);

    /// <param name="lengths">The length of each sample.</param>
    /// <param name="batch">Samples in a batch, over all shards.</param>
    /// <param name="make">Makes a shard's part of a batch from the numbers of its samples; the other argument is the number of the epoch.</param>
    public LengthBuckets(IReadOnlyList<int> lengths, int batch, TrainingSpec spec, Func<int[], long, TBatch> make)
    {
        (this.lengths, this.batch, this.spec, this.make) = (lengths, batch, spec, make);
        StepsPerEpoch = ShuffledEpochs.Batches(lengths.Count, batch);
    }

    /// <inheritdoc/>
    public long StepsPerEpoch { get; }

    /// <inheritdoc/>
    public TBatch? Of(long step, int shard)
    {
        var (epoch, position) = Math.DivRem(step, StepsPerEpoch);
        var order = new Permutation((int)StepsPerEpoch, spec.Seed, (ulong)epoch, 1);
        var number = order[(int)position];
        var samples = SamplesOf(epoch, number / BatchesPerPiece).AsSpan(number % BatchesPerPiece * batch);
        samples = samples[..Math.Min(batch, samples.Length)];
        var mine = new int[(samples.Length - shard + spec.Shards - 1) / spec.Shards];
        for (var i = 0; i < mine.Length; i++)
        {
            mine[i] = samples[shard + i * spec.Shards];
        }
        return mine.Length > 0 ? make(mine, epoch) : null;
    }

    private int[] SamplesOf(long epoch, int piece)
    {
        var known = newest;
        if ((known.Epoch, known.Number) != (epoch, piece))
        {
            var order = new Permutation(lengths.Count, spec.Seed, (ulong)epoch);
            var start = piece * BatchesPerPiece * batch;
            var samples = Enumerable.Range(start, Math.Min(BatchesPerPiece * batch, lengths.Count - start)).Select(position => order[position]);
            newest = known = new(epoch, piece, [.. samples.OrderBy(sample => lengths[sample])]);
        }
        return known.Samples;
    }

    private sealed record Piece(long Epoch, int Number, int[] Samples);
}

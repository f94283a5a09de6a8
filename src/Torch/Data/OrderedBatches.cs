using Granary.Training.Shards;
using Granary.Training.Tasks;

namespace Granary.Torch.Data;

/// <summary>All samples from the first to the last, the same in every epoch: for what is held out.</summary>
/// <param name="samples">How many there are.</param>
/// <param name="batch">Samples in a batch, over all shards.</param>
/// <param name="make">Makes a shard's part of a batch from the numbers of its samples.</param>
public sealed class OrderedBatches<TBatch>(int samples, int batch, TrainingSpec spec, Func<int[], TBatch> make) : IBatches<TBatch> where TBatch : class
{
    /// <inheritdoc/>
    public long StepsPerEpoch { get; } = ShuffledEpochs.Batches(samples, batch);

    /// <inheritdoc/>
    public bool MadeAhead { get; init; } = true;

    /// <inheritdoc/>
    public TBatch? Of(long step, int shard)
    {
        var start = (int)(step % StepsPerEpoch) * batch;
        var slice = Slice.Of(Math.Min(batch, samples - start), shard, spec.Shards);
        return slice.Count > 0 ? make([.. Enumerable.Range(start + (int)slice.Start, (int)slice.Count)]) : null;
    }
}

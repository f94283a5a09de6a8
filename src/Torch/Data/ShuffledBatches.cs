using Granary.Training.Tasks;

namespace Granary.Torch.Data;

/// <summary>Every epoch goes once through all samples, in an order of its own; its last batch may be short.</summary>
/// <param name="samples">How many there are.</param>
/// <param name="batch">Samples in a batch, over all shards.</param>
/// <param name="make">Makes a shard's part of a batch from the numbers of its samples; the other argument is the number of the epoch.</param>
public sealed class ShuffledBatches<TBatch>(int samples, int batch, TrainingSpec spec, Func<int[], long, TBatch> make) : IBatches<TBatch> where TBatch : class
{
    private readonly ShuffledEpochs epochs = new(samples, batch, spec.Shards, spec.Seed);

    /// <inheritdoc/>
    public long StepsPerEpoch => epochs.StepsPerEpoch;

    /// <inheritdoc/>
    public bool MadeAhead { get; init; } = true;

    /// <inheritdoc/>
    public TBatch? Of(long step, int shard) => epochs.SamplesOf(step, shard) is { Length: > 0 } chosen ? make(chosen, step / StepsPerEpoch) : null;
}

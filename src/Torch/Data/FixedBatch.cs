using Granary.Training.Shards;
using Granary.Training.Tasks;
using static TorchSharp.torch;

namespace Granary.Torch.Data;

/// <summary>The same batch in every step.</summary>
/// <param name="all">One sample a row. Disposed with this.</param>
public sealed class FixedBatch(Examples all, TrainingSpec spec) : IBatches<Examples>, IDisposable
{
    private readonly long rows = all.Inputs.shape[0];

    /// <inheritdoc/>
    public long StepsPerEpoch => 1;

    /// <inheritdoc/>
    public bool MadeAhead => false;

    /// <inheritdoc/>
    public Examples? Of(long step, int shard)
    {
        var slice = Slice.Of(rows, shard, spec.Shards);
        return slice.Count > 0 ? new(Part(all.Inputs, slice), Part(all.Targets, slice)) : null;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        all.Inputs.Dispose();
        all.Targets.Dispose();
    }

    private static Tensor Part(Tensor rows, Slice slice) => rows.narrow(0, slice.Start, slice.Count);
}

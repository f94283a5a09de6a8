using Granary.Training.Randomness;
using Granary.Training.Shards;
using Granary.Training.Tasks;

namespace Granary.Torch.Data;

/// <summary>
/// Which samples a shard sees in a step. Every epoch goes once through all samples, in an order of its own; its last batch
/// may be short. A pure function of the seed and the step: there is no cursor to save or to lose.
/// </summary>
internal sealed class ShuffledEpochs(int samples, int batch, int shards, ulong seed)
{
    public long StepsPerEpoch { get; } = Batches(samples, batch);

    /// <summary>How many batches there are.</summary>
    /// <exception cref="TrainingDataException">There is no sample.</exception>
    public static long Batches(int samples, int batch) => samples > 0 ? ((long)samples + batch - 1) / batch : throw new TrainingDataException("There is not a single sample. Are these the right data?");

    /// <summary>Numbers of the shard's samples; none when a short batch has fewer samples than there are shards.</summary>
    public int[] SamplesOf(long step, int shard)
    {
        var (epoch, position) = Math.DivRem(step, StepsPerEpoch);
        var order = new Permutation(samples, seed, (ulong)epoch);
        var start = (int)position * batch;
        var slice = Slice.Of(Math.Min(batch, samples - start), shard, shards);
        var chosen = new int[slice.Count];
        for (var i = 0; i < chosen.Length; i++)
        {
            chosen[i] = order[start + (int)slice.Start + i];
        }
        return chosen;
    }
}

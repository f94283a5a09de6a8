// B blocks, T time
using System.Runtime.InteropServices;
using Granary.Training.Tasks;
using static TorchSharp.torch;

namespace Granary.Torch.Data.Tokens;

/// <summary>
/// Blocks of a text of any size, in a new order for every epoch: inputs are the words of a block, targets the word that follows
/// each. What the blocks leave over at the end is not read.
/// </summary>
public sealed class TokenBlocks : IBatches<Examples>, IDisposable
{
    private readonly TokenFile text;
    private readonly int length;
    private readonly ShuffledBatches<Examples> blocks;

    /// <param name="text">Disposed with this.</param>
    /// <param name="length">Words of a block.</param>
    /// <param name="batch">Blocks in a batch, over all shards.</param>
    /// <exception cref="TrainingDataException">The text is shorter than a block and the word that follows it.</exception>
    public TokenBlocks(TokenFile text, int length, int batch, TrainingSpec spec)
    {
        (this.text, this.length) = (text, length);
        var count = (text.Count - 1) / length;
        if (count < 1)
        {
            throw new TrainingDataException($"The text has {text.Count} tokens; a block of {length} needs {length + 1} at least. Give a longer text or a shorter block.");
        }
        blocks = new((int)Math.Min(count, int.MaxValue), batch, spec, Read);
    }

    /// <inheritdoc/>
    public long StepsPerEpoch => blocks.StepsPerEpoch;

    /// <inheritdoc/>
    public Examples? Of(long step, int shard) => blocks.Of(step, shard);

    /// <inheritdoc/>
    public void Dispose() => text.Dispose();

    private Examples Read(int[] chosen, long epoch)
    {
        Tensor inputs_BT = empty(chosen.Length, length, dtype: int64), targets_BT = empty(chosen.Length, length, dtype: int64);
        Span<long> inputs = MemoryMarshal.Cast<byte, long>(inputs_BT.bytes), targets = MemoryMarshal.Cast<byte, long>(targets_BT.bytes);
        var words = new long[length + 1];
        for (var i = 0; i < chosen.Length; i++)
        {
            text.Read((long)chosen[i] * length, words);
            words.AsSpan(0, length).CopyTo(inputs[(i * length)..]);
            words.AsSpan(1).CopyTo(targets[(i * length)..]);
        }
        return new(inputs_BT, targets_BT);
    }
}

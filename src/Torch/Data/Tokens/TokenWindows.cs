// B windows, T time
using System.Runtime.InteropServices;
using Granary.Training.Randomness;
using Granary.Training.Shards;
using Granary.Training.Tasks;
using static TorchSharp.torch;

namespace Granary.Torch.Data.Tokens;

/// <summary>Windows of a text, each beginning anywhere: what a step sees follows from the seed and the step. An epoch has as many as hold the tokens of the text.</summary>
/// <param name="text">Disposed with this, if it is disposable.</param>
/// <param name="reach">Tokens that a window needs, those that are only to be foretold included.</param>
/// <param name="length">Tokens of a window.</param>
/// <param name="batch">Windows in a batch, over all shards.</param>
/// <param name="make">Makes a shard's part of a batch from the windows' first places, and a seed for each.</param>
internal sealed class RandomWindows<TBatch>(ITokens text, int length, int reach, int batch, TrainingSpec spec, Func<long[], ulong[], TBatch> make) : IBatches<TBatch>, IDisposable
    where TBatch : class
{
    private readonly long places = TokenWindows.Places(text, reach, "training");

    public long StepsPerEpoch => Math.Max(1, text.Count / ((long)batch * length));

    public TBatch? Of(long step, int shard)
    {
        var slice = Slice.Of(batch, shard, spec.Shards);
        var (starts, seeds) = (new long[slice.Count], new ulong[slice.Count]);
        for (var i = 0; i < starts.Length; i++)
        {
            seeds[i] = StepRandom.Mix(spec.Seed, (ulong)step, (ulong)(slice.Start + i));
            starts[i] = (long)Math.BigMul(new StepRandom(seeds[i]).NextULong(), (ulong)places, out _);
        }
        return starts.Length > 0 ? make(starts, seeds) : null;
    }

    public void Dispose() => (text as IDisposable)?.Dispose();
}

/// <summary>All windows of a text that fit side by side, from the first to the last: for what is held out.</summary>
/// <inheritdoc cref="RandomWindows{TBatch}"/>
internal sealed class OrderedWindows<TBatch>(ITokens text, int length, int reach, int batch, string purpose, TrainingSpec spec, Func<long[], ulong[], TBatch> make) : IBatches<TBatch>, IDisposable
    where TBatch : class
{
    private readonly OrderedBatches<TBatch> windows = new((int)Math.Min(int.MaxValue, (TokenWindows.Places(text, reach, purpose) - 1) / length + 1), batch, spec,
        numbers => make([.. numbers.Select(number => (long)number * length)], [.. numbers.Select(number => StepRandom.Mix((ulong)number))]));

    public long StepsPerEpoch => windows.StepsPerEpoch;

    public TBatch? Of(long step, int shard) => windows.Of(step, shard);

    public void Dispose() => (text as IDisposable)?.Dispose();
}

internal static class TokenWindows
{
    /// <summary>How many places there are where a window may begin.</summary>
    /// <exception cref="TrainingDataException">There is none.</exception>
    public static long Places(ITokens text, int reach, string purpose) => text.Count >= reach ? text.Count - reach + 1 : throw new TrainingDataException(
        $"The {purpose} text has {text.Count} tokens; a window needs {reach}. Give a longer text or a shorter context.");

    /// <summary>The tokens of some windows, and the token that follows each of them.</summary>
    public static Examples WithNext(ITokens text, long[] starts, int length)
    {
        Tensor inputs_BT = empty(starts.Length, length, dtype: int64), targets_BT = empty(starts.Length, length, dtype: int64);
        Span<long> inputs = MemoryMarshal.Cast<byte, long>(inputs_BT.bytes), targets = MemoryMarshal.Cast<byte, long>(targets_BT.bytes);
        var tokens = new long[length + 1];
        for (var i = 0; i < starts.Length; i++)
        {
            text.Read(starts[i], tokens);
            tokens.AsSpan(0, length).CopyTo(inputs[(i * length)..]);
            tokens.AsSpan(1).CopyTo(targets[(i * length)..]);
        }
        return new(inputs_BT, targets_BT);
    }
}

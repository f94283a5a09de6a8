using System.IO.Hashing;
using System.Text;
using Granary.Training.Checkpoints;
using Granary.Training.Exchange;
using Granary.Training.Exchange.Links;
using Granary.Training.Frames;
using Granary.Training.Shards;
using Granary.Training.Tasks;

namespace Granary.Training.Loop;

/// <summary>The workers of a round stand at one step with different states: a machine has altered one.</summary>
/// <param name="odd">The first shards of the workers without the most common state; empty: no state is the most common.</param>
public sealed class StatesDifferException(long step, IReadOnlyList<int> odd) : Exception($"The workers' states differ at step {step}.")
{
    /// <summary>Where they stand.</summary>
    public long Step { get; } = step;

    /// <summary>The first shards of the workers without the most common state; empty: no state is the most common.</summary>
    public IReadOnlyList<int> Odd { get; } = odd;
}

/// <summary>
/// Compares the states of a round's workers at a step boundary. Each writes a digest of its own into the place of its first shard
/// in a small frame; the sum over shards is then their concatenation, and every worker comes to the same verdict.
/// </summary>
/// <remarks>An error that reaches all replicas, such as a gradient that was computed wrongly, changes all states alike and is not seen.</remarks>
public sealed class StateComparison(ShardRange shards, int shardCount) : IDisposable
{
    // A mark that there is a digest, and its 64 bits in pieces that a float holds exactly.
    private const int Pieces = 4, PieceBits = 16, Width = 1 + Pieces;
    private readonly FrameFold fold = new(shardCount, () => Frame.Allocate(shardCount * Width, 0));

    /// <summary>A fingerprint of all that a twin needs: fast, for accidents, not against forgers. XXH3, 64 bits.</summary>
    public static ulong DigestOf(ReplicaState state)
    {
        var hash = new XxHash3();
        foreach (var tensor in state.Tensors)
        {
            TensorBytes.ForEachPiece(tensor, piece => hash.Append(piece));
        }
        foreach (var (name, value) in state.Scalars)
        {
            hash.Append(Encoding.UTF8.GetBytes(name));
            hash.Append(BitConverter.GetBytes(value));
        }
        return hash.GetCurrentHashAsUInt64();
    }

    /// <returns>How many workers agree: all of them.</returns>
    /// <exception cref="StatesDifferException">On every worker of the round alike.</exception>
    /// <exception cref="ExchangeAbortedException"/>
    public int Compare(ReplicaState state, IExchange exchange, long step, int phase)
    {
        if (shards.Count == shardCount)
        {
            return 1;
        }
        var digest = DigestOf(state);
        var sum = exchange.Sum(fold.Compute(shards, (shard, frame) => Enter(shard, frame, digest)), step, phase);
        List<(int Shard, ulong Digest)> all;
        try
        {
            all = [.. Digests(sum.Values)];
        }
        finally
        {
            exchange.Release();
        }
        return Odd(all) is { } odd ? throw new StatesDifferException(step, odd) : all.Count;
    }

    /// <returns>Those without the most common state; empty: no state is the most common; <see langword="null"/>: nobody differs.</returns>
    public static IReadOnlyList<int>? Odd<T>(IEnumerable<(int Who, T State)> states) where T : notnull
    {
        var groups = states.GroupBy(one => one.State, one => one.Who).OrderByDescending(group => group.Count()).ToList();
        return groups.Count < 2 ? null
            : groups[0].Count() > groups[1].Count() ? [.. groups.Skip(1).SelectMany(group => group).Order()]
            : [];
    }

    /// <inheritdoc/>
    public void Dispose() => fold.Dispose();

    private void Enter(int shard, Frame frame, ulong digest)
    {
        frame.Clear();
        if (shard == shards.Start)
        {
            var place = frame.Values.Slice(shard * Width, Width);
            place[0] = 1;
            for (var piece = 0; piece < Pieces; piece++)
            {
                place[1 + piece] = (digest >> (piece * PieceBits)) & ((1 << PieceBits) - 1);
            }
        }
    }

    private static IEnumerable<(int Shard, ulong Digest)> Digests(ReadOnlySpan<float> values)
    {
        var digests = new List<(int, ulong)>();
        for (var shard = 0; shard * Width < values.Length; shard++)
        {
            var place = values.Slice(shard * Width, Width);
            if (place[0] > 0)
            {
                ulong digest = 0;
                for (var piece = 0; piece < Pieces; piece++)
                {
                    digest |= (ulong)place[1 + piece] << (piece * PieceBits);
                }
                digests.Add((shard, digest));
            }
        }
        return digests;
    }
}

using Granary.Training.Shards;

namespace Granary.Training.Frames;

/// <summary>
/// Sums the shards of one worker as far as the canonical tree allows. Holds as many frames as the tree is deep and reuses
/// them in every step.
/// </summary>
public sealed class FrameFold(int shards, Func<Frame> create) : IDisposable
{
    private readonly List<Frame> all = [];
    private readonly Stack<Frame> free = new();
    private readonly List<Partial> partials = [];

    /// <summary>Computes the shards of the range one after the other.</summary>
    /// <returns>One partial sum for each node of <see cref="CanonicalTree.Cover"/>; valid until the next call.</returns>
    public IReadOnlyList<Partial> Compute(ShardRange range, Action<int, Frame> compute)
    {
        foreach (var partial in partials)
        {
            free.Push(partial.Frame);
        }
        partials.Clear();
        for (var shard = range.Start; shard < range.End; shard++)
        {
            var sum = new Partial(new(shard, shard + 1), Rent());
            compute(shard, sum.Frame);
            ShardCount.Enter(shard, sum.Frame.Shards);
            while (partials.Count > 0 && CanonicalTree.AreSiblings(partials[^1].Node, sum.Node, shards))
            {
                var left = partials[^1];
                left.Frame.Add(sum.Frame);
                free.Push(sum.Frame);
                partials.RemoveAt(partials.Count - 1);
                sum = new(new(left.Node.Start, sum.Node.End), left.Frame);
            }
            partials.Add(sum);
        }
        return partials;
    }

    public void Dispose()
    {
        foreach (var frame in all)
        {
            frame.Dispose();
        }
    }

    private Frame Rent()
    {
        if (!free.TryPop(out var frame))
        {
            frame = create();
            all.Add(frame);
        }
        return frame;
    }
}

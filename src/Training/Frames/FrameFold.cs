using Granary.Training.Shards;

namespace Granary.Training.Frames;

/// <summary>
/// Sums the shards of one worker as far as the canonical tree allows, in as many frames as the tree is deep, the same ones in
/// every step. Shards with rows stay apart, each in a frame of its own: the exchange adds up all rows in one pass. Sums made on a device are
/// added there, and each is copied to the host while the next shard is computed; the root stays where it is, as nobody else adds to it.
/// </summary>
public sealed class FrameFold(int shards, Func<Frame> create) : IDisposable
{
    private readonly List<Frame> frames = [];
    private readonly List<Partial> partials = [];
    private ShardRange covered;
    private IReadOnlyList<ShardRange> crossing = [];

    /// <summary>Computes the shards of the range one after the other.</summary>
    /// <param name="staysOnDevice">Whether sums made on a device are wanted there, and nowhere else.</param>
    /// <returns>
    /// One partial sum for each node of <see cref="CanonicalTree.Cover"/>, or for each shard if there are rows; valid until the next call.
    /// </returns>
    public IReadOnlyList<Partial> Compute(ShardRange range, Action<int, Frame> compute, bool staysOnDevice = false)
    {
        partials.Clear();
        if (covered != range)
        {
            (covered, crossing) = (range, [.. CanonicalTree.Cover(range, shards).Where(node => node != new ShardRange(0, shards))]);
        }
        for (var shard = range.Start; shard < range.End; shard++)
        {
            // A partial's frame is the one of its place; those behind are free.
            var sum = new Partial(new(shard, shard + 1), FrameAt(partials.Count));
            compute(shard, sum.Frame);
            ShardLedger.Enter(shard, sum.Frame.Shards);
            while (sum.Frame.Rows is null && partials.Count > 0 && CanonicalTree.AreSiblings(partials[^1].Node, sum.Node, shards))
            {
                var left = partials[^1];
                left.Frame.Add(sum.Frame);
                partials.RemoveAt(partials.Count - 1);
                sum = new(new(left.Node.Start, sum.Node.End), left.Frame);
            }
            partials.Add(sum);
            if (!staysOnDevice && sum.Frame.Device is not null && crossing.Contains(sum.Node))
            {
                sum.Frame.BeginToHost();
            }
        }
        foreach (var partial in partials)
        {
            if (!staysOnDevice && crossing.Contains(partial.Node))
            {
                partial.Frame.ToHost();
            }
        }
        return partials;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var frame in frames)
        {
            frame.Dispose();
        }
    }

    private Frame FrameAt(int place)
    {
        while (frames.Count <= place)
        {
            frames.Add(create());
        }
        return frames[place];
    }
}

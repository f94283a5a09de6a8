using Granary.Training.Frames;
using Granary.Training.Numerics;
using Granary.Training.Shards;

namespace Granary.Training.Exchange;

/// <summary>
/// How the partials of one phase become the sums of a process: each worker adds its slice of all of them, the dense parts into
/// the frame of the first partial of each sum, the rows into memory of this object. Made once a round.
/// </summary>
internal sealed unsafe class GroupSum : IDisposable
{
    private readonly Part[] parts;
    private readonly Input[] inputs;
    private readonly RowUnion?[] unions;
    private readonly Partial[] sums;

    /// <param name="partials">Of each worker, in order; later ones are of the same nodes.</param>
    public GroupSum(IReadOnlyList<Partial>[] partials, int shards)
    {
        inputs = [.. partials.SelectMany((list, worker) => list.Select((_, index) => new Input(worker, index)))];
        var nodes = partials.SelectMany(list => list.Select(partial => partial.Node)).ToList();
        var cover = CanonicalTree.Cover(new(nodes[0].Start, nodes[^1].End), shards);
        var width = partials[0][0].Frame.Rows?.Width;
        parts = [.. partials.Select(_ => new Part([.. cover.Select(sum => new TreeSum([.. nodes.Where(node => sum.Start <= node.Start && node.End <= sum.End)], shards))], nodes.Count))];
        unions = [.. parts[0].Trees.Select(tree => width is { } floats && tree.Inputs > 1 ? new RowUnion(floats, parts.Length) : null)];
        sums = new Partial[cover.Count];
        HasRows = unions.Any(union => union is not null);
    }

    /// <summary>Whether there are rows to be added: then all workers must <see cref="FindRows"/> before any may <see cref="Add"/>.</summary>
    public bool HasRows { get; }

    /// <summary>What the process has summed: the root, or nodes that make up the root together with those of other processes.</summary>
    public IReadOnlyList<Partial> Sums => sums;

    public void FindRows(int worker, IReadOnlyList<Partial>[] partials)
    {
        var first = 0;
        for (var sum = 0; sum < sums.Length; sum++)
        {
            var frames = FramesOf(worker, sum, first, partials);
            unions[sum]?.Find(worker, frames);
            first += frames.Length;
        }
    }

    /// <summary>This worker's slice of every sum; when all workers have done theirs, <see cref="Sums"/> are complete.</summary>
    public void Add(int worker, IReadOnlyList<Partial>[] partials)
    {
        var part = parts[worker];
        var first = 0;
        for (var sum = 0; sum < sums.Length; sum++)
        {
            var frames = FramesOf(worker, sum, first, partials);
            if (frames.Length > 1)
            {
                var slice = Slice.Aligned(frames[0].Size, worker, parts.Length);
                for (var i = 0; i < frames.Length; i++)
                {
                    part.Values[i] = (nint)(frames[i].Pointer + slice.Start);
                }
                part.Trees[sum].Sum(part.Values, frames[0].Pointer + slice.Start, slice.Count);
                unions[sum]?.Add(worker, frames, part.Trees[sum]);
            }
            if (worker == 0)
            {
                Publish(sum, frames[0]);
            }
            first += frames.Length;
        }
    }

    public void Dispose()
    {
        foreach (var tree in parts.SelectMany(part => part.Trees))
        {
            tree.Dispose();
        }
        foreach (var union in unions)
        {
            union?.Dispose();
        }
    }

    private ReadOnlySpan<Frame> FramesOf(int worker, int sum, int first, IReadOnlyList<Partial>[] partials)
    {
        var frames = parts[worker].Frames.AsSpan(first, parts[worker].Trees[sum].Inputs);
        for (var i = 0; i < frames.Length; i++)
        {
            var (owner, index) = inputs[first + i];
            frames[i] = partials[owner][index].Frame;
        }
        return frames;
    }

    private void Publish(int sum, Frame dense)
    {
        // Only rows take a frame of their own; it is kept as long as the dense part stays where it is.
        if (unions[sum] is not { } union)
        {
            sums[sum] = new(parts[0].Trees[sum].Node, dense);
        }
        else if (sums[sum].Frame?.Pointer != dense.Pointer)
        {
            sums[sum] = new(parts[0].Trees[sum].Node, dense.With(union.Sum));
        }
    }

    private readonly record struct Input(int Worker, int Index);

    /// <summary>What one worker adds with.</summary>
    private sealed class Part(TreeSum[] trees, int inputs)
    {
        public TreeSum[] Trees { get; } = trees;

        public Frame[] Frames { get; } = new Frame[inputs];

        public nint[] Values { get; } = new nint[inputs];
    }
}

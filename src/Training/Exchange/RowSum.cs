using Granary.Training.Exchange.Links;
using Granary.Training.Frames;
using Granary.Training.Numerics;

namespace Granary.Training.Exchange;

/// <summary>
/// Adds row-sparse frames between processes. They are short: every process sends all its rows to all others, in one go (how
/// many, which, their values), and each adds all of them up for itself, along the same tree.
/// </summary>
internal sealed unsafe class RowSum : PieceStream, IDisposable
{
    private readonly int rank;
    private readonly Part[] parts;
    private readonly Frame[] frames;
    private readonly TreeSum tree;
    private readonly RowUnion union;

    /// <param name="nodes">How many nodes of the tree each process has.</param>
    public RowSum(int rank, IReadOnlyList<PeerLink?> links, int[] nodes, TreeSum tree, int width) : base(links)
    {
        (this.rank, this.tree) = (rank, tree);
        parts = [.. nodes.Select((count, process) => new Part(count, nodes.Take(process).Sum()))];
        frames = new Frame[nodes.Sum()];
        for (var i = 0; i < frames.Length; i++)
        {
            frames[i] = i >= parts[rank].First && i < parts[rank].First + parts[rank].Nodes ? null! : Frame.Allocate(0, 0, new SparseRows(width));
        }
        union = new(width);
    }

    /// <summary>Queues what is to be sent, and asks for the others' counts.</summary>
    public void Begin(IReadOnlyList<Partial> partials)
    {
        var mine = parts[rank];
        for (var node = 0; node < mine.Nodes; node++)
        {
            frames[mine.First + node] = partials[node].Frame;
            mine.Counts[node] = partials[node].Frame.Rows!.Count;
        }
        mine.Reserve();
        var at = mine.Numbers;
        for (var node = 0; node < mine.Nodes; node++)
        {
            partials[node].Frame.Rows!.Numbers.CopyTo(new(at, mine.Counts[node]));
            at += mine.Counts[node];
        }
        for (var process = 0; process < parts.Length; process++)
        {
            if (process == rank)
            {
                continue;
            }
            Send(process, mine.Counts, mine.Nodes * sizeof(int));
            Send(process, mine.Numbers, (long)mine.Total * sizeof(int));
            for (var node = 0; node < mine.Nodes; node++)
            {
                var rows = partials[node].Frame.Rows!;
                Send(process, rows.Row(0), (long)rows.Values.Length * sizeof(float));
            }
            parts[process].Known = false;
            Receive(process, parts[process].Counts, parts[process].Nodes * sizeof(int));
        }
    }

    /// <summary>The sum, once all is here, into this process's first frame.</summary>
    public void Finish(SparseRows into)
    {
        union.Add(frames, tree);
        into.Reset(union.Sum.Numbers);
        union.Sum.Values.CopyTo(into.Values);
    }

    public void Dispose()
    {
        foreach (var part in parts)
        {
            part.Dispose();
        }
        for (var process = 0; process < parts.Length; process++)
        {
            for (var node = 0; process != rank && node < parts[process].Nodes; node++)
            {
                frames[parts[process].First + node].Dispose();
            }
        }
        union.Dispose();
    }

    protected override void Received(int process)
    {
        var part = parts[process];
        if (!part.Known)
        {
            part.Known = true;
            part.NumbersAreHere = false;
            part.Reserve();
            Receive(process, part.Numbers, (long)part.Total * sizeof(int));
            // Without rows nothing more comes: what is left of an earlier step must go now.
            if (part.Total > 0)
            {
                return;
            }
        }
        if (!part.NumbersAreHere)
        {
            part.NumbersAreHere = true;
            var at = part.Numbers;
            for (var node = 0; node < part.Nodes; node++)
            {
                var rows = frames[part.First + node].Rows!;
                rows.Reset(new(at, part.Counts[node]));
                at += part.Counts[node];
                Receive(process, rows.Row(0), (long)rows.Values.Length * sizeof(float));
            }
        }
    }

    /// <summary>What one process has: row counts of its nodes, and the row numbers of all of them.</summary>
    private sealed class Part(int nodes, int first) : IDisposable
    {
        private readonly NativeFloats counts = new(nodes);
        private NativeFloats numbers = new(64);

        public int Nodes => nodes;

        /// <summary>The number of its first node in the tree's order.</summary>
        public int First => first;

        public int* Counts => (int*)counts.Pointer;

        public int* Numbers => (int*)numbers.Pointer;

        public int Total { get; private set; }

        public bool Known { get; set; }

        public bool NumbersAreHere { get; set; }

        public void Reserve()
        {
            Total = 0;
            for (var node = 0; node < nodes; node++)
            {
                Total += Counts[node];
            }
            if (numbers.Length < Total)
            {
                numbers.Dispose();
                numbers = new(2 * Total);
            }
        }

        public void Dispose()
        {
            counts.Dispose();
            numbers.Dispose();
        }
    }
}

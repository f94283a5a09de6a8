using Granary.Training.Exchange.Links;
using Granary.Training.Frames;
using Granary.Training.Numerics;
using Granary.Training.Shards;

namespace Granary.Training.Exchange;

/// <summary>
/// Reduce-scatter and all-gather of dense frames, chunk by chunk. Each process owns a slice of the vector. A process sends a
/// peer the chunks of the peer's slice (for each chunk, its own nodes one after the other), and the summed chunks of its own
/// slice as soon as it has them: first as many of the former as the peer may hold, then one of each in turn. So both sides know
/// what comes next, and sending, adding and receiving overlap. A short vector makes one trip only: every process sends all of it
/// to all others, and each adds all of it up.
/// </summary>
internal sealed unsafe class DenseSum : ITransferWork
{
    private const int ChunkFloats = (PeerLink.MostBytes - SumHeader.Bytes) / sizeof(float), LeastChunkFloats = 4096;

    // Measured, see docs/decisions/0008: beyond it, adding everything everywhere costs more than a second trip.
    private const int ShortOverSockets = 32 * 1024, ShortOverMemory = 2 * 1024;
    private readonly int rank;
    private readonly int[] nodes;
    private readonly TreeSum tree;
    private readonly Progress[] peers;
    private readonly int mostChunk, shortest;
    private readonly nint[] inputs;
    private readonly SumHeader[] greeting = GC.AllocateArray<SumHeader>(1, pinned: true);
    private IReadOnlyList<Partial> partials = [];
    private float* sum;
    private Slice mine;
    private int chunk, summed, gathered;
    private bool gathers;

    /// <param name="nodes">How many nodes of the tree each process has.</param>
    public DenseSum(int rank, PeerLink[] links, int[] nodes, TreeSum tree)
    {
        (this.rank, this.nodes, this.tree) = (rank, nodes, tree);
        peers = [.. links.Select(link => new Progress(link))];
        mostChunk = ChunkFloats / nodes.Max() & ~15;
        shortest = links.Length > 1 || links[0].Transport == Transport.SharedMemory ? ShortOverMemory : ShortOverSockets;
        inputs = new nint[tree.Inputs];
    }

    public void Begin(IReadOnlyList<Partial> frames, long step, int phase)
    {
        partials = frames;
        var size = frames[0].Frame.Size;
        sum = frames[0].Frame.Pointer;
        greeting[0] = new(step, phase, size);
        gathers = size > shortest;
        mine = SliceOf(rank, size);
        // At least four chunks, so that they overlap, unless they would be too short to be worth it.
        var slice = SliceOf(nodes.Length - 1, size).Count;
        chunk = (int)Math.Min(mostChunk, Math.Max(LeastChunkFloats, (slice / 4 + 15) & ~15L));
        (summed, gathered) = (0, gathers ? Gathers(mine) : 0);
        foreach (var peer in peers)
        {
            peer.Begin(SliceOf(peer.Link.Process, size));
        }
    }

    public bool Advance()
    {
        var done = true;
        foreach (var peer in peers)
        {
            Receive(peer);
            Send(peer);
            done &= peer.IsDone(this);
        }
        return done && summed == Scatters(mine);
    }

    private void Receive(Progress peer)
    {
        // In the order in which the peer sends: see Send.
        while (true)
        {
            if (peer.Taken < Scatters(mine) && peer.Taken < Ahead(peer.Collected))
            {
                if (peer.Taken - summed == PeerLink.MostHeld || !Take(peer))
                {
                    return;
                }
            }
            else if (peer.Collected == GathersOf(peer) || !Collect(peer))
            {
                return;
            }
        }
    }

    /// <summary>A chunk of this process's slice.</summary>
    private bool Take(Progress peer)
    {
        var head = peer.Taken == 0 ? sizeof(SumHeader) : 0;
        var block = peer.Link.Hold(head + nodes[peer.Link.Process] * Length(mine, peer.Taken) * sizeof(float));
        if (head > 0)
        {
            // Checked before the block is whole: if the sizes differ, it may never become whole.
            Check(peer, (SumHeader*)(block != null ? block : peer.Link.Arriving(sizeof(SumHeader))));
        }
        if (block == null)
        {
            return false;
        }
        peer.Held[peer.Taken % PeerLink.MostHeld] = (nint)(block + head);
        peer.Taken++;
        AddReady();
        return true;
    }

    private void Check(Progress peer, SumHeader* theirs)
    {
        if (theirs != null && *theirs != greeting[0])
        {
            throw new ExchangeAbortedException($"Process {peer.Link.Process} is at {*theirs}, this one at {greeting[0]}.");
        }
    }

    /// <summary>
    /// A chunk of the sum of the peer's slice. The peer sends it only after it has received all of that chunk from here, so
    /// the chunk may be overwritten.
    /// </summary>
    private bool Collect(Progress peer)
    {
        if (!peer.Link.Receive((byte*)At(sum, peer.Slice, peer.Collected), Length(peer.Slice, peer.Collected) * sizeof(float)))
        {
            return false;
        }
        peer.Collected++;
        return true;
    }

    private void Send(Progress peer)
    {
        Span<Piece> pieces = stackalloc Piece[partials.Count + 1];
        if (peer.Scattered < Scatters(peer.Slice) && peer.Scattered < Ahead(peer.Gathered))
        {
            var length = Length(peer.Slice, peer.Scattered) * sizeof(float);
            fixed (SumHeader* greet = greeting)
            {
                pieces[0] = new(greet, peer.Scattered == 0 ? sizeof(SumHeader) : 0);
            }
            for (var node = 0; node < partials.Count; node++)
            {
                pieces[node + 1] = new(At(partials[node].Frame.Pointer, peer.Slice, peer.Scattered), length);
            }
            if (peer.Link.Send(pieces))
            {
                peer.Scattered++;
                AddReady();
            }
        }
        else if (peer.Gathered < gathered && peer.Gathered < summed)
        {
            pieces[0] = new(At(sum, mine, peer.Gathered), Length(mine, peer.Gathered) * sizeof(float));
            peer.Gathered += peer.Link.Send(pieces[..1]) ? 1 : 0;
        }
    }

    private void AddReady()
    {
        while (summed < Scatters(mine) && IsReady())
        {
            var length = Length(mine, summed);
            for (var (process, input, other) = (0, 0, 0); process < nodes.Length; process++)
            {
                var held = process == rank ? 0 : peers[other++].Held[summed % PeerLink.MostHeld];
                for (var node = 0; node < nodes[process]; node++)
                {
                    inputs[input++] = (nint)(process == rank ? At(partials[node].Frame.Pointer, mine, summed) : (float*)held + node * length);
                }
            }
            tree.Sum(inputs, At(sum, mine, summed), length);
            foreach (var peer in peers)
            {
                peer.Link.Release();
            }
            summed++;
        }
    }

    /// <summary>Whether the next chunk has come from all, and its place in the frame is not still to be sent.</summary>
    private bool IsReady()
    {
        foreach (var peer in peers)
        {
            if (peer.Taken <= summed || (!gathers && peer.Scattered <= summed))
            {
                return false;
            }
        }
        return true;
    }

    /// <summary>How many chunks may be scattered before the next one is gathered.</summary>
    private int Ahead(int gathered) => gathers ? gathered + PeerLink.MostHeld : int.MaxValue;

    /// <summary>One at least: it carries the greeting.</summary>
    private int Scatters(Slice slice) => Math.Max(1, Gathers(slice));

    private int Gathers(Slice slice) => checked((int)((slice.Count + chunk - 1) / chunk));

    private int GathersOf(Progress peer) => gathers ? Gathers(peer.Slice) : 0;

    private int Length(Slice slice, int number) => (int)Math.Min(chunk, slice.Count - (long)number * chunk);

    private float* At(float* values, Slice slice, int number) => values + slice.Start + (long)number * chunk;

    private Slice SliceOf(int process, long size) => gathers ? Slice.Aligned(size, process, nodes.Length) : new(0, size);

    /// <summary>How far a peer is, in chunks.</summary>
    private sealed class Progress(PeerLink link)
    {
        public PeerLink Link { get; } = link;

        /// <summary>Where the peer's chunks lie until they are summed.</summary>
        public nint[] Held { get; } = new nint[PeerLink.MostHeld];

        public Slice Slice { get; private set; }

        /// <summary>Sent: of the peer's slice, and sums of this process's.</summary>
        public int Scattered { get; set; }

        public int Gathered { get; set; }

        /// <summary>Received: of this process's slice, and sums of the peer's.</summary>
        public int Taken { get; set; }

        public int Collected { get; set; }

        public void Begin(Slice slice)
        {
            Slice = slice;
            Scattered = Gathered = Taken = Collected = 0;
        }

        public bool IsDone(DenseSum all) => Scattered == all.Scatters(Slice) && Gathered == all.gathered && Collected == all.GathersOf(this);
    }
}

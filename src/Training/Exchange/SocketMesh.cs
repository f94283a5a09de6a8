using System.Net.Sockets;
using Granary.Training.Frames;
using Granary.Training.Numerics;
using Granary.Training.Shards;

namespace Granary.Training.Exchange;

/// <summary>
/// Adds frames between processes by reduce-scatter and all-gather over one non-blocking socket a peer, driven by the calling
/// thread and reading straight into the frames. Each process owns a slice of the vector: it gets the other processes' nodes
/// of that slice, adds them along the canonical tree, and sends each chunk of the sum back as soon as it is complete.
/// Row-sparse frames are short: every process sends its rows to all, and each adds them up for itself.
/// </summary>
public sealed unsafe class SocketMesh : IDisposable
{
    private const int ChunkFloats = 64 * 1024;
    private readonly Peer?[] peers;
    private readonly ShardRange[][] nodes;
    private readonly TreeSum tree;
    private readonly PeerTransfer transfer;
    private NativeFloats received = new(1);
    private RowUnion? union;

    /// <param name="rank">This process's number in the round.</param>
    /// <param name="sockets">Connected to the process of that rank; <see langword="null"/> at this one's own.</param>
    /// <param name="ranges">The shards of each process, in order.</param>
    /// <param name="patience">How long a peer may be silent while it is waited for.</param>
    public SocketMesh(int rank, IReadOnlyList<Socket?> sockets, IReadOnlyList<ShardRange> ranges, int shards, TimeSpan patience)
    {
        Rank = rank;
        nodes = [.. ranges.Select(range => CanonicalTree.Cover(range, shards).ToArray())];
        tree = new([.. nodes.SelectMany(node => node)], shards);
        peers = [.. sockets.Select((socket, process) => socket is null ? null : new Peer(process, socket))];
        transfer = new([.. peers.OfType<Peer>()], patience);
    }

    /// <summary>This process's number in the round.</summary>
    public int Rank { get; }

    public long BytesSent => transfer.BytesSent;

    /// <summary>Adds the processes' partials into a frame that is, or is not, the first one's.</summary>
    public void Sum(IReadOnlyList<Partial> partials, Frame sum, long step, int phase)
    {
        transfer.Begin(step, phase, sum.Size);
        SumDense(partials, sum);
        if (sum.Rows is not null)
        {
            SumRows(partials, sum.Rows);
        }
    }

    /// <summary>Sends a state straight out of the replica's memory.</summary>
    public void SendState(SharedState state, IEnumerable<int> processes)
    {
        // A JSON text may end with spaces: it is sent in whole floats.
        var text = state.Header();
        using var length = new NativeFloats(1);
        using var header = new NativeFloats((text.Length + sizeof(float) - 1) / sizeof(float));
        *(int*)length.Pointer = header.Length;
        var bytes = new Span<byte>(header.Pointer, header.Length * sizeof(float));
        bytes.Fill((byte)' ');
        text.CopyTo(bytes);
        foreach (var peer in processes.Select(process => peers[process]!))
        {
            transfer.Send(peer, length.Pointer, 1);
            transfer.Send(peer, header.Pointer, header.Length);
            foreach (var tensor in state.State.Tensors)
            {
                transfer.Send(peer, tensor.Pointer, tensor.Length);
            }
        }
        transfer.Run();
    }

    /// <summary>Receives a state straight into the replica's memory.</summary>
    public void ReceiveState(SharedState into, int process)
    {
        var peer = peers[process]!;
        using var length = new NativeFloats(1);
        transfer.Receive(peer, length.Pointer, 1);
        transfer.Run();
        using var header = new NativeFloats(*(int*)length.Pointer);
        transfer.Receive(peer, header.Pointer, header.Length);
        foreach (var tensor in into.State.Tensors)
        {
            transfer.Receive(peer, tensor.Pointer, tensor.Length);
        }
        transfer.Run();
        into.Complete(new ReadOnlySpan<byte>(header.Pointer, header.Length * sizeof(float)));
    }

    public void Abort(string reason) => transfer.Abort(reason);

    /// <summary>Called once when a peer is lost, from the thread that noticed it.</summary>
    public void OnFailure(Action<string> handler) => transfer.Failed += handler;

    public void Dispose()
    {
        transfer.Dispose();
        tree.Dispose();
        received.Dispose();
        union?.Dispose();
    }

    private void SumDense(IReadOnlyList<Partial> partials, Frame sum)
    {
        var slices = Enumerable.Range(0, peers.Length).Select(process => AlignedSlice(sum.Size, process)).ToArray();
        var mine = slices[Rank];
        Reserve(mine.Count * nodes.Sum(node => node.Length));
        var chunks = (mine.Count + ChunkFloats - 1) / ChunkFloats;
        var missing = new int[chunks];
        foreach (var peer in peers.OfType<Peer>())
        {
            var theirs = slices[peer.Process];
            for (var start = 0; start < theirs.Count; start += ChunkFloats)
            {
                foreach (var partial in partials)
                {
                    transfer.Send(peer, partial.Frame.Pointer + theirs.Start + start, Math.Min(ChunkFloats, theirs.Count - start));
                }
            }
            for (var chunk = 0; chunk < chunks; chunk++)
            {
                var (at, start, length) = (chunk, chunk * ChunkFloats, Math.Min(ChunkFloats, mine.Count - chunk * ChunkFloats));
                for (var node = 0; node < nodes[peer.Process].Length; node++)
                {
                    missing[chunk]++;
                    transfer.Receive(peer, Received(peer.Process, node, mine.Count) + start, length, () =>
                    {
                        if (--missing[at] == 0)
                        {
                            AddChunk(partials, sum, mine, start, length);
                        }
                    });
                }
            }
            for (var start = 0; start < theirs.Count; start += ChunkFloats)
            {
                // The peer sends a chunk of the sum only after it has all of that chunk from here: it may be overwritten.
                transfer.Receive(peer, sum.Pointer + theirs.Start + start, Math.Min(ChunkFloats, theirs.Count - start));
            }
        }
        transfer.Run();
    }

    private void AddChunk(IReadOnlyList<Partial> partials, Frame sum, ShardSlice mine, int start, int length)
    {
        Span<nint> inputs = stackalloc nint[tree.Inputs];
        var input = 0;
        for (var process = 0; process < nodes.Length; process++)
        {
            for (var node = 0; node < nodes[process].Length; node++)
            {
                var values = process == Rank ? partials[node].Frame.Pointer + mine.Start : Received(process, node, mine.Count);
                inputs[input++] = (nint)(values + start);
            }
        }
        var into = sum.Pointer + mine.Start + start;
        tree.Sum(inputs, into, length);
        foreach (var peer in peers.OfType<Peer>())
        {
            transfer.Send(peer, into, length);
        }
    }

    private void SumRows(IReadOnlyList<Partial> partials, SparseRows sum)
    {
        var counts = new NativeFloats[peers.Length];
        var frames = new Frame[peers.Length][];
        var mine = new NativeFloats(partials.Count);
        for (var node = 0; node < partials.Count; node++)
        {
            ((int*)mine.Pointer)[node] = partials[node].Frame.Rows!.Count;
        }
        foreach (var peer in peers.OfType<Peer>())
        {
            counts[peer.Process] = new(nodes[peer.Process].Length);
            transfer.Send(peer, mine.Pointer, partials.Count);
            transfer.Receive(peer, counts[peer.Process].Pointer, nodes[peer.Process].Length);
        }
        transfer.Run();
        var numbers = new List<(NativeFloats Numbers, SparseRows Rows, Peer Peer)>();
        frames[Rank] = [.. partials.Select(partial => partial.Frame)];
        var own = frames[Rank].Select(frame => Copy(frame.Rows!.Numbers)).ToArray();
        foreach (var peer in peers.OfType<Peer>())
        {
            for (var node = 0; node < own.Length; node++)
            {
                transfer.Send(peer, own[node].Pointer, frames[Rank][node].Rows!.Count);
            }
            frames[peer.Process] = new Frame[nodes[peer.Process].Length];
            for (var node = 0; node < frames[peer.Process].Length; node++)
            {
                var count = ((int*)counts[peer.Process].Pointer)[node];
                var rows = new SparseRows(sum.Width);
                frames[peer.Process][node] = Frame.Allocate(0, 0, rows);
                numbers.Add((new(count), rows, peer));
                transfer.Receive(peer, numbers[^1].Numbers.Pointer, count);
            }
        }
        transfer.Run();
        foreach (var (memory, rows, peer) in numbers)
        {
            rows.Reset(new((int*)memory.Pointer, memory.Length));
            transfer.Receive(peer, rows.Row(0), rows.Values.Length);
            memory.Dispose();
        }
        foreach (var peer in peers.OfType<Peer>())
        {
            foreach (var frame in frames[Rank])
            {
                transfer.Send(peer, frame.Rows!.Row(0), frame.Rows.Values.Length);
            }
        }
        transfer.Run();
        union ??= new(sum.Width);
        union.Add([.. frames.SelectMany(frame => frame)], tree);
        sum.Reset(union.Sum.Numbers);
        union.Sum.Values.CopyTo(sum.Values);
        foreach (var frame in frames.Where((_, process) => process != Rank).SelectMany(frame => frame))
        {
            frame.Dispose();
        }
        foreach (var memory in own.Append(mine).Concat(counts.OfType<NativeFloats>()))
        {
            memory.Dispose();
        }
    }

    private static NativeFloats Copy(ReadOnlySpan<int> numbers)
    {
        var copy = new NativeFloats(numbers.Length);
        numbers.CopyTo(new((int*)copy.Pointer, numbers.Length));
        return copy;
    }

    private float* Received(int process, int node, int length)
    {
        var before = nodes.Take(process).Sum(list => list.Length) + node;
        return received.Pointer + (long)before * length;
    }

    private void Reserve(int length)
    {
        if (received.Length < length)
        {
            received.Dispose();
            received = new(length);
        }
    }

    /// <summary>Slices begin at multiples of 16 floats.</summary>
    private ShardSlice AlignedSlice(int size, int process)
    {
        var blocks = ShardSlice.Of((size + 15) / 16, process, peers.Length);
        var start = blocks.Start * 16;
        return new(start, Math.Min(size, (blocks.Start + blocks.Count) * 16) - start);
    }
}

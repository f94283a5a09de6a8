using Granary.Training.Exchange.Links;
using Granary.Training.Frames;
using Granary.Training.Numerics;
using Granary.Training.Shards;

namespace Granary.Training.Exchange;

/// <summary>The processes of a round, each linked to every other: adds frames between them, on the calling thread.</summary>
public sealed unsafe class SocketMesh : IDisposable
{
    private readonly PeerLink?[] links;
    private readonly int[] nodes;
    private readonly TreeSum tree;
    private readonly DenseSum dense;
    private readonly PieceStream states;
    private readonly PeerTransfer transfer;
    private RowSum? rows;

    /// <param name="rank">This process's number in the round.</param>
    /// <param name="links">To the process of that rank; <see langword="null"/> at this one's own. Owned by the mesh.</param>
    /// <param name="ranges">The shards of each process, in order.</param>
    /// <param name="patience">How long a peer may be silent while it is waited for.</param>
    public SocketMesh(int rank, IReadOnlyList<PeerLink?> links, IReadOnlyList<ShardRange> ranges, int shards, TimeSpan patience)
    {
        Rank = rank;
        this.links = [.. links];
        var covers = ranges.Select(range => CanonicalTree.Cover(range, shards)).ToList();
        nodes = [.. covers.Select(cover => cover.Count)];
        tree = new([.. covers.SelectMany(cover => cover)], shards);
        PeerLink[] others = [.. links.OfType<PeerLink>()];
        dense = new(rank, others, nodes, tree);
        states = new(links);
        transfer = new(others, patience);
    }

    /// <summary>This process's number in the round.</summary>
    public int Rank { get; }

    /// <summary>Bytes of gradients and states sent to other processes so far.</summary>
    public long BytesSent => transfer.BytesSent;

    /// <summary>Adds the processes' partials; the sum is left in the frame of this process's first partial.</summary>
    /// <exception cref="ExchangeAbortedException">A peer is gone, silent or elsewhere, or the round is over.</exception>
    public void Sum(IReadOnlyList<Partial> partials, long step, int phase)
    {
        dense.Begin(partials, step, phase);
        transfer.Run(dense);
        if (partials[0].Frame.Rows is { } into)
        {
            rows ??= new(Rank, links, nodes, tree, into.Width);
            rows.Begin(partials);
            transfer.Run(rows);
            rows.Finish(into);
        }
    }

    /// <summary>Sends a state straight out of the replica's memory.</summary>
    public void SendState(Handoff state, IEnumerable<int> processes)
    {
        var text = state.Header();
        using var length = new NativeFloats(1);
        *(int*)length.Pointer = text.Length;
        fixed (byte* header = text)
        {
            foreach (var process in processes)
            {
                states.Send(process, length.Pointer, sizeof(int));
                states.Send(process, header, text.Length);
                foreach (var tensor in state.State.Tensors)
                {
                    states.Send(process, tensor.Pointer, tensor.Length * sizeof(float));
                }
            }
            transfer.Run(states);
        }
    }

    /// <summary>Receives a state straight into the replica's memory.</summary>
    public void ReceiveState(Handoff into, int process)
    {
        using var length = new NativeFloats(1);
        states.Receive(process, length.Pointer, sizeof(int));
        transfer.Run(states);
        var text = new byte[*(int*)length.Pointer];
        fixed (byte* header = text)
        {
            states.Receive(process, header, text.Length);
            foreach (var tensor in into.State.Tensors)
            {
                states.Receive(process, tensor.Pointer, tensor.Length * sizeof(float));
            }
            transfer.Run(states);
        }
        into.Complete(text);
    }

    /// <summary>Ends the round for this process, and tells the others.</summary>
    public void Abort(string reason) => transfer.Abort(reason);

    /// <summary>Called once when a peer is lost, from the thread that noticed it.</summary>
    public void OnFailure(Action<string> handler) => transfer.Failed += handler;

    /// <inheritdoc/>
    public void Dispose()
    {
        transfer.Dispose();
        tree.Dispose();
        rows?.Dispose();
    }
}

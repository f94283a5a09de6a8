using Granary.Training.Exchange.Links;

namespace Granary.Training.Exchange;

/// <summary>Stretches of memory of any length, sent and received in order, each in blocks.</summary>
internal unsafe class PieceStream : ITransferWork
{
    private readonly Lane?[] lanes;

    /// <param name="links">By process; <see langword="null"/> at this one's own.</param>
    public PieceStream(IEnumerable<PeerLink?> links) => lanes = [.. links.Select(link => link is null ? null : new Lane(link))];

    public void Send(int process, void* start, long bytes) => Lane.Enqueue(lanes[process]!.Outgoing, start, bytes);

    public void Receive(int process, void* start, long bytes) => Lane.Enqueue(lanes[process]!.Incoming, start, bytes);

    public bool Advance()
    {
        var done = true;
        foreach (var lane in lanes)
        {
            if (lane is null)
            {
                continue;
            }
            while (lane.Incoming.TryPeek(out var piece) && lane.Link.Receive((byte*)piece.Start, (int)piece.Bytes))
            {
                lane.Incoming.Dequeue();
                if (lane.Incoming.Count == 0)
                {
                    Received(lane.Link.Process);
                }
            }
            while (lane.Outgoing.TryPeek(out var piece) && lane.Link.Send([piece]))
            {
                lane.Outgoing.Dequeue();
            }
            done &= lane.Incoming.Count + lane.Outgoing.Count == 0;
        }
        return done;
    }

    /// <summary>Called when all that was asked of a process is there: the place to ask it for more.</summary>
    protected virtual void Received(int process)
    {
    }

    private sealed class Lane(PeerLink link)
    {
        public PeerLink Link { get; } = link;

        public Queue<Piece> Outgoing { get; } = new();

        public Queue<Piece> Incoming { get; } = new();

        public static void Enqueue(Queue<Piece> queue, void* start, long bytes)
        {
            for (var at = (byte*)start; bytes > 0; at += PeerLink.MostBytes, bytes -= PeerLink.MostBytes)
            {
                queue.Enqueue(new(at, (nint)Math.Min(bytes, PeerLink.MostBytes)));
            }
        }
    }
}

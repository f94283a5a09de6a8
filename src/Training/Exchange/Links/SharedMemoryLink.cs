using System.Net.Sockets;

namespace Granary.Training.Exchange.Links;

/// <summary>
/// A ring of blocks in shared memory in either direction. The socket beside it shows when the other process ends, and carries
/// a byte that wakes that process when it sleeps.
/// </summary>
internal sealed unsafe class SharedMemoryLink : PeerLink
{
    private readonly SharedSegment segment;
    private readonly int mine, theirs;
    private readonly int[] held = new int[MostHeld];
    private int sent, read, heldCount;
    private bool disposed;

    /// <param name="side">0 or 1: which ring is this process's own.</param>
    public SharedMemoryLink(int process, Socket socket, SharedSegment segment, int side) : base(process, socket)
    {
        (this.segment, mine, theirs) = (segment, side, 1 - side);
        socket.Blocking = false;
    }

    public override Transport Transport => Transport.SharedMemory;

    internal override (bool Readable, bool Writable) WakesBy => (AwaitsBlock || AwaitsRoom, false);

    internal override bool Send(ReadOnlySpan<Piece> pieces)
    {
        if (AwaitsRoom = sent - Volatile.Read(ref segment.Taken(theirs)) == SharedSegment.Blocks)
        {
            return false;
        }
        var into = segment.Block(mine, sent);
        foreach (var piece in pieces)
        {
            Buffer.MemoryCopy((void*)piece.Start, into, piece.Bytes, piece.Bytes);
            into += piece.Bytes;
            BytesSent += piece.Bytes;
        }
        Volatile.Write(ref segment.Sent(mine), ++sent);
        BytesMoved++;
        WakeOther();
        return true;
    }

    internal override bool Receive(byte* into, int bytes)
    {
        if (IsEmpty())
        {
            return false;
        }
        Buffer.MemoryCopy(segment.Block(theirs, read), into, bytes, bytes);
        read++;
        Free();
        return true;
    }

    internal override byte* Hold(int bytes)
    {
        if (IsEmpty())
        {
            return null;
        }
        held[heldCount++] = read;
        BytesMoved++;
        return segment.Block(theirs, read++);
    }

    internal override void Release()
    {
        heldCount--;
        Array.Copy(held, 1, held, 0, heldCount);
        Free();
    }

    internal override void Sleep(bool asleep)
    {
        Volatile.Write(ref segment.Asleep(mine), asleep ? 1 : 0);
        // The other side writes, then looks whether this one sleeps; this side says so, then looks once more.
        Interlocked.MemoryBarrier();
        if (!asleep)
        {
            DrainBells();
        }
    }

    internal override bool HasLeft() => Volatile.Read(ref segment.Left(theirs)) != 0 || !DrainBells();

    public override void Dispose()
    {
        if (!disposed)
        {
            disposed = true;
            Volatile.Write(ref segment.Left(mine), 1);
            base.Dispose();
            segment.Dispose();
        }
    }

    private bool IsEmpty() => AwaitsBlock = Volatile.Read(ref segment.Sent(theirs)) == read;

    /// <summary>Frees blocks in order, up to the first that is still held.</summary>
    private void Free()
    {
        var taken = heldCount > 0 ? held[0] : read;
        if (taken != segment.Taken(mine))
        {
            Volatile.Write(ref segment.Taken(mine), taken);
            WakeOther();
        }
        BytesMoved++;
    }

    private void WakeOther()
    {
        Interlocked.MemoryBarrier();
        if (Volatile.Read(ref segment.Asleep(theirs)) != 0)
        {
            // If the byte cannot be sent, enough are on their way, or there is nobody to wake; the sleeper's nap ends by itself anyway.
            Socket.Send([1], SocketFlags.None, out _);
        }
    }

    /// <returns>Whether the other side is still connected.</returns>
    private bool DrainBells()
    {
        Span<byte> bells = stackalloc byte[64];
        int count;
        SocketError error;
        do
        {
            count = Socket.Receive(bells, SocketFlags.None, out error);
        }
        while (error == SocketError.Success && count == bells.Length);
        return error == SocketError.WouldBlock || (error == SocketError.Success && count > 0);
    }
}

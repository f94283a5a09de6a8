using System.Net.Sockets;
using Granary.Training.Numerics;

namespace Granary.Training.Exchange.Links;

/// <summary>A stream socket, TCP or Unix, read straight into the frames and written straight out of them.</summary>
internal unsafe class SocketLink : PeerLink
{
    private readonly NativeFloats memory = new(MostHeld * MostBytes / sizeof(float));
    private readonly int handle;
    private int received, sent, held, firstHeld;

    public SocketLink(int process, Socket socket) : base(process, socket)
    {
        socket.Blocking = false;
        handle = (int)socket.Handle;
    }

    public override Transport Transport => Socket.AddressFamily == AddressFamily.Unix ? Transport.Unix : Transport.Tcp;

    internal override (bool Readable, bool Writable) WakesBy => (AwaitsBlock, AwaitsRoom);

    private byte* NextHeld => (byte*)memory.Pointer + (firstHeld + held) % MostHeld * MostBytes;

    internal override bool Send(ReadOnlySpan<Piece> pieces)
    {
        var bytes = 0;
        foreach (var piece in pieces)
        {
            bytes += (int)piece.Bytes;
        }
        if (sent < bytes)
        {
            var count = WriteRest(pieces);
            sent += count;
            BytesSent += count;
            BytesMoved += count;
        }
        if (AwaitsRoom = sent < bytes)
        {
            return false;
        }
        sent = 0;
        return true;
    }

    internal override bool Receive(byte* into, int bytes)
    {
        while (received < bytes)
        {
            var count = Read(into + received, bytes - received);
            if (count == 0)
            {
                AwaitsBlock = true;
                return false;
            }
            received += count;
            BytesMoved += count;
        }
        AwaitsBlock = false;
        received = 0;
        return true;
    }

    internal override byte* Hold(int bytes)
    {
        var at = NextHeld;
        if (!Receive(at, bytes))
        {
            return null;
        }
        held++;
        return at;
    }

    internal override byte* Arriving(int bytes) => received >= bytes ? NextHeld : null;

    internal override void Release()
    {
        firstHeld = (firstHeld + 1) % MostHeld;
        held--;
    }

    public override void Dispose()
    {
        base.Dispose();
        memory.Dispose();
    }

    /// <summary>Writes pieces of which nothing is written yet, none of them empty.</summary>
    /// <returns>Bytes that need not be written again; 0: there is no room.</returns>
    private protected int Write(ReadOnlySpan<Piece> pieces)
    {
        if (!Libc.IsPresent)
        {
            return WritePortably(pieces[0]);
        }
        fixed (Piece* first = pieces)
        {
            var written = Libc.Write(handle, first, pieces.Length);
            return written >= 0 ? (int)written : Libc.MustWait ? 0 : throw Closed();
        }
    }

    /// <returns>Bytes read; 0: there are none.</returns>
    private protected int Read(byte* into, int bytes)
    {
        if (!Libc.IsPresent)
        {
            return ReadPortably(into, bytes);
        }
        var read = Libc.Receive(handle, into, bytes, 0);
        return read > 0 ? (int)read : read < 0 && Libc.MustWait ? 0 : throw Closed();
    }

    private int WriteRest(ReadOnlySpan<Piece> pieces)
    {
        Span<Piece> left = stackalloc Piece[pieces.Length];
        var count = 0;
        var skip = (nint)sent;
        foreach (var piece in pieces)
        {
            if (piece.Bytes > skip)
            {
                left[count++] = new(piece.Start + skip, piece.Bytes - skip);
            }
            skip = Math.Max(0, skip - piece.Bytes);
        }
        return Write(left[..count]);
    }

    private int WritePortably(Piece piece)
    {
        var count = Socket.Send(new ReadOnlySpan<byte>((byte*)piece.Start, (int)piece.Bytes), SocketFlags.None, out var error);
        return error switch
        {
            SocketError.Success => count,
            SocketError.WouldBlock => 0,
            _ => throw Closed(new SocketException((int)error)),
        };
    }

    private int ReadPortably(byte* into, int bytes)
    {
        var count = Socket.Receive(new Span<byte>(into, bytes), SocketFlags.None, out var error);
        return error switch
        {
            SocketError.WouldBlock => 0,
            SocketError.Success when count > 0 => count,
            _ => throw Closed(new SocketException((int)error)),
        };
    }
}

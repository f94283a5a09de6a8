using System.Net.Sockets;
using System.Threading.Tasks.Sources;

namespace Granary.Training.Exchange.Links;

/// <summary>
/// The connection as TLS sees it. Synchronous calls wait: so hands are shaken. Asynchronous ones never do, and know no
/// other thread: a read that finds nothing stays open until <see cref="TryGoOn"/> finds something, and what is written is
/// gathered until <see cref="Push"/>.
/// </summary>
internal sealed class TlsPipe(Socket socket) : Stream, IValueTaskSource<int>
{
    private ManualResetValueTaskSourceCore<int> arrival;
    private Memory<byte> wanted;
    private byte[] written = new byte[PeerLink.MostBytes + 4096];
    private int from, to;

    public override bool CanRead => true;

    public override bool CanWrite => true;

    public override bool CanSeek => false;

    public override long Length => throw new NotSupportedException();

    public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

    public bool IsFlushed => from == to;

    public override int Read(Span<byte> buffer) => socket.Receive(buffer);

    public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

    public override void Write(ReadOnlySpan<byte> buffer)
    {
        while (buffer.Length > 0)
        {
            buffer = buffer[socket.Send(buffer)..];
        }
    }

    public override void Write(byte[] buffer, int offset, int count) => Write(buffer.AsSpan(offset, count));

    public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        if (TryReceive(buffer.Span, out var count))
        {
            return new(count);
        }
        wanted = buffer;
        arrival.Reset();
        return new(this, arrival.Version);
    }

    public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
    {
        if (written.Length - to < buffer.Length)
        {
            Array.Resize(ref written, to + buffer.Length);
        }
        buffer.Span.CopyTo(written.AsSpan(to));
        to += buffer.Length;
        return default;
    }

    /// <summary>Goes on with the open read.</summary>
    /// <returns>Whether anything was there.</returns>
    public bool TryGoOn()
    {
        if (!TryReceive(wanted.Span, out var count))
        {
            return false;
        }
        // What waits for it goes on within this call.
        arrival.SetResult(count);
        return true;
    }

    /// <summary>Gives the kernel what it takes of what has been written.</summary>
    /// <returns>How many bytes it took.</returns>
    public int Push()
    {
        if (IsFlushed)
        {
            return 0;
        }
        var count = socket.Send(written.AsSpan(from..to), SocketFlags.None, out var error);
        if (error is not (SocketError.Success or SocketError.WouldBlock))
        {
            throw new SocketException((int)error);
        }
        from += count;
        if (IsFlushed)
        {
            from = to = 0;
        }
        return count;
    }

    public override void Flush()
    {
    }

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    int IValueTaskSource<int>.GetResult(short token) => arrival.GetResult(token);

    ValueTaskSourceStatus IValueTaskSource<int>.GetStatus(short token) => arrival.GetStatus(token);

    void IValueTaskSource<int>.OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        arrival.OnCompleted(continuation, state, token, flags);

    private bool TryReceive(Span<byte> buffer, out int count)
    {
        count = socket.Receive(buffer, SocketFlags.None, out var error);
        return error switch
        {
            SocketError.Success => true,
            SocketError.WouldBlock => false,
            _ => throw new SocketException((int)error),
        };
    }
}

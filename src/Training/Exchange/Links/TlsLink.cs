using System.Net.Security;
using System.Net.Sockets;

namespace Granary.Training.Exchange.Links;

/// <summary>
/// A TCP connection encrypted by TLS. It is driven by the thread that sums, like any link: no call waits, and no thread is
/// woken to encrypt. What has been encrypted is kept until the kernel has taken all of it.
/// </summary>
internal sealed unsafe class TlsLink : SocketLink
{
    private readonly TlsPipe pipe;
    private readonly SslStream tls;
    private readonly byte[] toEncrypt = new byte[MostBytes], decrypted = new byte[MostBytes];
    private ValueTask<int>? reading;
    private int encrypted, decryptedFrom, decryptedTo;

    private TlsLink(int process, Socket socket, TlsPipe pipe, SslStream tls) : base(process, socket) => (this.pipe, this.tls) = (pipe, tls);

    public override bool IsEncrypted => true;

    /// <summary>Encrypts a connection; waits until it is.</summary>
    public static TlsLink Over(int process, Socket socket, Func<Stream, SslStream> encrypt, bool isLocal, string remark)
    {
        var pipe = new TlsPipe(socket);
        return new(process, socket, pipe, encrypt(pipe)) { IsLocal = isLocal, Remark = remark };
    }

    public override void Dispose()
    {
        base.Dispose();
        tls.Dispose();
    }

    private protected override int Write(ReadOnlySpan<Piece> pieces)
    {
        try
        {
            if (encrypted == 0 && Flush())
            {
                foreach (var piece in pieces)
                {
                    new ReadOnlySpan<byte>((void*)piece.Start, (int)piece.Bytes).CopyTo(toEncrypt.AsSpan(encrypted));
                    encrypted += (int)piece.Bytes;
                }
                tls.WriteAsync(toEncrypt.AsMemory(0, encrypted)).GetAwaiter().GetResult();
            }
            if (!Flush())
            {
                return 0;
            }
        }
        catch (Exception error) when (error is IOException or SocketException)
        {
            throw Closed(error);
        }
        var taken = encrypted;
        encrypted = 0;
        return taken;
    }

    private protected override int Read(byte* into, int bytes)
    {
        if (decryptedFrom == decryptedTo)
        {
            try
            {
                reading ??= tls.ReadAsync(decrypted);
                while (!reading.Value.IsCompleted)
                {
                    if (!pipe.TryGoOn())
                    {
                        return 0;
                    }
                }
                (decryptedFrom, decryptedTo) = (0, reading.Value.GetAwaiter().GetResult());
                reading = null;
            }
            catch (Exception error) when (error is IOException or SocketException)
            {
                throw Closed(error);
            }
            if (decryptedTo == 0)
            {
                throw Closed();
            }
        }
        var count = Math.Min(bytes, decryptedTo - decryptedFrom);
        decrypted.AsSpan(decryptedFrom, count).CopyTo(new(into, count));
        decryptedFrom += count;
        return count;
    }

    /// <returns>Whether the kernel has taken all that was encrypted.</returns>
    private bool Flush()
    {
        BytesMoved += pipe.Push();
        return pipe.IsFlushed;
    }
}

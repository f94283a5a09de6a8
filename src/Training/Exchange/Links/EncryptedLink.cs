using System.Buffers.Binary;
using System.Net.Sockets;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Security.Cryptography;

namespace Granary.Training.Exchange.Links;

/// <summary>
/// A TCP connection whose blocks are encrypted: length (4 bytes, little-endian), the block, its tag. It is driven by the thread that sums, like any link: a block is encrypted
/// where it has been gathered, and decrypted into where it is wanted.
/// </summary>
internal sealed unsafe class EncryptedLink(int process, Socket socket, LinkKeys keys) : SocketLink(process, socket)
{
    private const int HeadBytes = sizeof(int);
    private const int MostSealed = HeadBytes + MostBytes + BlockSeal.TagBytes;
    private readonly BlockSeal mine = new(keys.Mine), theirs = new(keys.Theirs);
    private readonly byte[] outgoing = GC.AllocateUninitializedArray<byte>(MostSealed, pinned: true), incoming = GC.AllocateUninitializedArray<byte>(4 * MostSealed, pinned: true);
    private int sent, toSend, read, received, unfitting;

    public override bool IsEncrypted => true;

    internal override bool Send(ReadOnlySpan<Piece> pieces)
    {
        if (toSend == 0 && !TrySeal(pieces))
        {
            return true;
        }
        var count = Write([new(Pinned(outgoing) + sent, toSend - sent)]);
        sent += count;
        BytesMoved += count;
        if (AwaitsRoom = sent < toSend)
        {
            return false;
        }
        sent = toSend = 0;
        return true;
    }

    internal override bool Receive(byte* into, int bytes)
    {
        if (unfitting > 0)
        {
            throw new ExchangeAbortedException($"Process {Process} has sent {unfitting} bytes where this one awaits {bytes}.");
        }
        if (bytes == 0)
        {
            return true;
        }
        if (AwaitsBlock = !HasArrived(out var length))
        {
            return false;
        }
        if (length != bytes)
        {
            Open(length, incoming.AsSpan(read + HeadBytes, length));
            unfitting = length;
            return false;
        }
        Open(length, new(into, bytes));
        read += HeadBytes + length + BlockSeal.TagBytes;
        return true;
    }

    /// <summary>Only a block of another length than the one awaited is seen before it is given away.</summary>
    internal override byte* Arriving(int bytes) => unfitting >= bytes ? Pinned(incoming) + read + HeadBytes : null;

    public override void Dispose()
    {
        base.Dispose();
        mine.Dispose();
        theirs.Dispose();
    }

    private static byte* Pinned(byte[] memory) => (byte*)Unsafe.AsPointer(ref MemoryMarshal.GetArrayDataReference(memory));

    /// <returns>Whether there is anything to send.</returns>
    private bool TrySeal(ReadOnlySpan<Piece> pieces)
    {
        var end = HeadBytes;
        foreach (var piece in pieces)
        {
            new ReadOnlySpan<byte>((void*)piece.Start, (int)piece.Bytes).CopyTo(outgoing.AsSpan(end));
            end += (int)piece.Bytes;
        }
        if (end == HeadBytes)
        {
            return false;
        }
        BytesSent += end - HeadBytes;
        BinaryPrimitives.WriteInt32LittleEndian(outgoing, end - HeadBytes);
        toSend = end + BlockSeal.TagBytes;
        mine.Seal(outgoing.AsSpan(0, HeadBytes), outgoing.AsSpan(HeadBytes..end), outgoing.AsSpan(end..toSend));
        return true;
    }

    /// <summary>Whether the next block is there as a whole.</summary>
    private bool HasArrived(out int length)
    {
        while (true)
        {
            length = received - read >= HeadBytes ? BinaryPrimitives.ReadInt32LittleEndian(incoming.AsSpan(read)) : 0;
            if (length is < 0 or > MostBytes)
            {
                throw Changed();
            }
            if (length > 0 && received - read >= HeadBytes + length + BlockSeal.TagBytes)
            {
                return true;
            }
            if (incoming.Length - read < MostSealed || read == received)
            {
                incoming.AsSpan(read..received).CopyTo(incoming);
                (read, received) = (0, received - read);
            }
            var count = Read(Pinned(incoming) + received, incoming.Length - received);
            if (count == 0)
            {
                return false;
            }
            received += count;
            BytesMoved += count;
        }
    }

    private void Open(int length, Span<byte> into)
    {
        var block = incoming.AsSpan(read + HeadBytes, length);
        try
        {
            theirs.Open(incoming.AsSpan(read, HeadBytes), block, incoming.AsSpan(read + HeadBytes + length, BlockSeal.TagBytes), into);
        }
        catch (AuthenticationTagMismatchException error)
        {
            throw Changed(error);
        }
    }

    private ExchangeAbortedException Changed(Exception? inner = null) =>
        new($"What came over the connection to process {Process} is not what it has sent: something between the two changes it.", inner);
}

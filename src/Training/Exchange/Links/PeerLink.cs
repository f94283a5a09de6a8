using System.Net.Sockets;

namespace Granary.Training.Exchange.Links;

/// <summary>
/// The way between this process and another: blocks of memory arrive in the order they were sent. No call waits; what cannot
/// be moved now is asked for again. Both sides know from the order alone how long the next block is.
/// </summary>
/// <param name="process">The other's number in the round.</param>
/// <param name="socket">Connected to the other process: it closes when that process ends.</param>
public abstract unsafe class PeerLink(int process, Socket socket) : IDisposable
{
    /// <summary>The size of one block: with its headers it fits into one TCP segment of the loopback interface (65,536 bytes).</summary>
    internal const int MostBytes = 63 * 1024 + SumHeader.Bytes;

    /// <summary>How many blocks may be held at a time.</summary>
    internal const int MostHeld = 2;

    /// <summary>The other process's number in the round.</summary>
    public int Process { get; } = process;

    /// <summary>How the bytes travel.</summary>
    public abstract Transport Transport { get; }

    /// <summary>Why it is not a faster one; empty if there is nothing to say.</summary>
    public string Remark { get; init; } = "";

    /// <summary>Whether both processes run on one machine.</summary>
    public bool IsLocal { get; init; }

    /// <summary>Whether nobody on the way can read what travels.</summary>
    public virtual bool IsEncrypted => false;

    internal Socket Socket { get; } = socket;

    internal long BytesSent { get; private protected set; }

    /// <summary>Bytes moved in either direction.</summary>
    internal long BytesMoved { get; private protected set; }

    /// <summary>Whether something has been asked for that is not there yet.</summary>
    internal bool AwaitsBlock { get; set; }

    /// <summary>Whether something could not be sent yet.</summary>
    internal bool AwaitsRoom { get; set; }

    /// <summary>What the sleeper wants to be woken by.</summary>
    internal abstract (bool Readable, bool Writable) WakesBy { get; }

    /// <summary>Sends the pieces as one block.</summary>
    /// <returns>Whether it is on its way: then the memory is free. If not, to be called again with the same pieces.</returns>
    internal abstract bool Send(ReadOnlySpan<Piece> pieces);

    /// <summary>Receives the next block into the caller's memory.</summary>
    internal abstract bool Receive(byte* into, int bytes);

    /// <summary>Receives the next block and holds it in the link's memory, at most <see cref="MostHeld"/> at a time.</summary>
    /// <returns><see langword="null"/>: it is not there yet.</returns>
    internal abstract byte* Hold(int bytes);

    /// <summary>The beginning of the block that <see cref="Hold"/> awaits, if that many bytes of it are there; else <see langword="null"/>.</summary>
    internal virtual byte* Arriving(int bytes) => null;

    /// <summary>Lets go of the block held longest.</summary>
    internal abstract void Release();

    /// <summary>This thread is about to sleep, or has woken up: while it sleeps, the other side must wake it if the kernel does not.</summary>
    internal virtual void Sleep(bool asleep)
    {
    }

    /// <summary>Whether the other process has left: nothing will come but what is already there.</summary>
    internal virtual bool HasLeft() => false;

    /// <inheritdoc/>
    public virtual void Dispose()
    {
        Socket.Dispose();
        GC.SuppressFinalize(this);
    }

    private protected ExchangeAbortedException Closed(Exception? inner = null) => new($"Process {Process} closed the connection.", inner);
}

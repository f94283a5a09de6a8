using System.Diagnostics;
using System.Net.Sockets;
using System.Runtime.InteropServices;

namespace Granary.Training.Exchange;

/// <summary>A connected process of the round, with what is still to be sent to it and received from it, in order.</summary>
internal sealed class Peer(int process, Socket socket)
{
    public int Process { get; } = process;

    public Socket Socket { get; } = socket;

    public Queue<(nint At, int Bytes, Action? Then)> Outgoing { get; } = new();

    public Queue<(nint At, int Bytes, Action? Then)> Incoming { get; } = new();

    public int Sent { get; set; }

    public int Received { get; set; }
}

/// <summary>
/// Moves queued blocks of memory over non-blocking sockets until all queues are empty, on the calling thread: it spins a
/// little, then sleeps in the kernel. Fails, never hangs, when a peer closes, falls silent or stands at another step.
/// </summary>
internal sealed unsafe class PeerTransfer : IDisposable
{
    private static readonly TimeSpan SpinTime = TimeSpan.FromMicroseconds(50);
    private static readonly TimeSpan Nap = TimeSpan.FromMilliseconds(20);
    private readonly IReadOnlyList<Peer> peers;
    private readonly TimeSpan patience;
    private readonly List<Socket> readable = [];
    private readonly List<Socket> writable = [];
    private readonly Dictionary<Peer, (Greeting[] Mine, Greeting[] Theirs)> greetings = [];
    private volatile string? aborted;

    public PeerTransfer(IReadOnlyList<Peer> peers, TimeSpan patience)
    {
        this.peers = peers;
        this.patience = patience;
        foreach (var peer in peers)
        {
            peer.Socket.Blocking = false;
            greetings[peer] = (GC.AllocateArray<Greeting>(1, pinned: true), GC.AllocateArray<Greeting>(1, pinned: true));
        }
    }

    public event Action<string>? Failed;

    public long BytesSent { get; private set; }

    /// <summary>Opens a sum: each peer must be at the same step, phase and size.</summary>
    public void Begin(long step, int phase, int size)
    {
        foreach (var peer in peers)
        {
            var (mine, theirs) = greetings[peer];
            var expected = mine[0] = new(step, phase, size);
            peer.Outgoing.Enqueue(((nint)Unsafe(mine), sizeof(Greeting), null));
            peer.Incoming.Enqueue(((nint)Unsafe(theirs), sizeof(Greeting), () =>
            {
                if (theirs[0] != expected)
                {
                    throw new ExchangeAbortedException($"Process {peer.Process} is at {theirs[0]}, this one at {expected}.");
                }
            }));
        }
    }

    public void Send(Peer peer, float* values, int count) => Enqueue(peer.Outgoing, values, count, null);

    public void Receive(Peer peer, float* values, int count, Action? then = null) => Enqueue(peer.Incoming, values, count, then);

    /// <summary>Returns when every queue is empty.</summary>
    /// <exception cref="ExchangeAbortedException"/>
    public void Run()
    {
        try
        {
            var lastProgress = Stopwatch.GetTimestamp();
            while (peers.Any(peer => peer.Incoming.Count + peer.Outgoing.Count > 0))
            {
                if (aborted is { } reason)
                {
                    throw new ExchangeAbortedException(reason);
                }
                var moved = false;
                foreach (var peer in peers)
                {
                    moved |= Receive(peer);
                    moved |= Send(peer);
                }
                if (moved)
                {
                    lastProgress = Stopwatch.GetTimestamp();
                }
                else if (Stopwatch.GetElapsedTime(lastProgress) is var silence && silence > patience)
                {
                    throw new ExchangeAbortedException($"Processes {string.Join(", ", peers.Where(peer => peer.Incoming.Count > 0).Select(peer => peer.Process))} have been silent for {patience.TotalSeconds:0} s.");
                }
                else if (silence > SpinTime)
                {
                    WaitForSockets();
                }
            }
        }
        catch (Exception error) when (error is ExchangeAbortedException or SocketException or ObjectDisposedException)
        {
            var lost = error as ExchangeAbortedException ?? new ExchangeAbortedException(aborted ?? $"A peer is gone: {error.Message}", error);
            Abort(lost.Message);
            Failed?.Invoke(lost.Message);
            throw lost;
        }
    }

    public void Abort(string reason) => aborted ??= reason;

    public void Dispose()
    {
        Abort("The round has ended.");
        foreach (var peer in peers)
        {
            peer.Socket.Dispose();
        }
    }

    private static void Enqueue(Queue<(nint, int, Action?)> queue, float* values, int count, Action? then)
    {
        if (count > 0)
        {
            queue.Enqueue(((nint)values, count * sizeof(float), then));
        }
    }

    private static bool Receive(Peer peer)
    {
        if (!peer.Incoming.TryPeek(out var block))
        {
            return false;
        }
        var count = peer.Socket.Receive(new Span<byte>((byte*)block.At + peer.Received, block.Bytes - peer.Received), SocketFlags.None, out var error);
        if (error == SocketError.WouldBlock)
        {
            return false;
        }
        if (error != SocketError.Success || count == 0)
        {
            throw new ExchangeAbortedException($"Process {peer.Process} closed the connection.");
        }
        peer.Received += count;
        if (peer.Received == block.Bytes)
        {
            peer.Incoming.Dequeue();
            peer.Received = 0;
            block.Then?.Invoke();
        }
        return true;
    }

    private bool Send(Peer peer)
    {
        if (!peer.Outgoing.TryPeek(out var block))
        {
            return false;
        }
        var count = peer.Socket.Send(new ReadOnlySpan<byte>((byte*)block.At + peer.Sent, block.Bytes - peer.Sent), SocketFlags.None, out var error);
        if (error == SocketError.WouldBlock)
        {
            return false;
        }
        if (error != SocketError.Success)
        {
            throw new ExchangeAbortedException($"Process {peer.Process} closed the connection.");
        }
        peer.Sent += count;
        BytesSent += count;
        if (peer.Sent == block.Bytes)
        {
            peer.Outgoing.Dequeue();
            peer.Sent = 0;
        }
        return count > 0;
    }

    private void WaitForSockets()
    {
        readable.Clear();
        writable.Clear();
        foreach (var peer in peers)
        {
            if (peer.Incoming.Count > 0)
            {
                readable.Add(peer.Socket);
            }
            if (peer.Outgoing.Count > 0)
            {
                writable.Add(peer.Socket);
            }
        }
        Socket.Select(readable.Count > 0 ? readable : null, writable.Count > 0 ? writable : null, null, Nap);
    }

    private static Greeting* Unsafe(Greeting[] pinned) =>
        (Greeting*)System.Runtime.CompilerServices.Unsafe.AsPointer(ref MemoryMarshal.GetArrayDataReference(pinned));

    private readonly record struct Greeting(long Step, int Phase, int Size)
    {
        public override string ToString() => $"step {Step}, phase {Phase}, {Size} floats";
    }
}

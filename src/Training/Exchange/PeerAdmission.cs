using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;

namespace Granary.Training.Exchange;

/// <summary>A connection of a process that has proved to belong to the round.</summary>
internal sealed record Arrival(Socket Socket, PeerProof Proof);

/// <summary>
/// Takes connections on one thread, and hands out those that prove to belong to a round that this process has been told of.
/// Whoever connects costs a bounded part of a bounded room, and no thread: when the room is full, the oldest go. A peer that goes
/// with them tries again, and needs a place for no longer than an answer takes to come and go; a babbler has it for no longer than
/// the room takes to fill.
/// </summary>
internal sealed class PeerAdmission : IDisposable
{
    /// <summary>Connections that have not greeted yet, or have been answered and have proved nothing yet.</summary>
    public const int MostStrangers = 64;

    /// <summary>Connections with a greeting of a round that nobody here has asked for: peers may be told of it before this process is.</summary>
    public const int MostWaiting = 256;

    /// <summary>How long a stranger may take to greet, and then to prove itself.</summary>
    public static readonly TimeSpan ProvingTime = TimeSpan.FromSeconds(5);

    // Longer than any round takes to meet.
    private static readonly TimeSpan WaitingTime = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan LookAgain = TimeSpan.FromSeconds(1), Rest = TimeSpan.FromMilliseconds(50);
    private readonly Socket listener = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
    private readonly Socket bell = new(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
    private readonly ConcurrentDictionary<(Guid Round, int From), Expected> expected = new();
    private readonly List<Stranger> strangers = [];
    private readonly TimeProvider time;
    private int held;
    private volatile bool closing;

    /// <exception cref="SocketException">The port is taken.</exception>
    public PeerAdmission(IPAddress address, int port, TimeProvider? time = null)
    {
        this.time = time ?? TimeProvider.System;
        listener.Bind(new IPEndPoint(address, port));
        listener.Listen();
        bell.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        bell.Connect(bell.LocalEndPoint!);
        new Thread(Admit) { IsBackground = true, Name = "admission" }.Start();
    }

    public int Port => ((IPEndPoint)listener.LocalEndPoint!).Port;

    /// <summary>Connections held that have proved nothing.</summary>
    public int Held => Volatile.Read(ref held);

    /// <summary>Waits until the process that the greeting is for has proved itself.</summary>
    public async Task<Arrival> ArrivalAsync(Guid key, Greeting mine, CancellationToken cancellationToken)
    {
        var one = new Expected(key, mine);
        var place = KeyValuePair.Create((mine.Round, mine.To), one);
        expected[place.Key] = one;
        try
        {
            ObjectDisposedException.ThrowIf(closing, this);
            Ring();
            return await one.Arrival.Task.WaitAsync(cancellationToken);
        }
        catch
        {
            one.Abandon();
            throw;
        }
        finally
        {
            expected.TryRemove(place);
        }
    }

    public void Dispose()
    {
        if (closing)
        {
            return;
        }
        closing = true;
        listener.Dispose();
        Ring();
        foreach (var one in expected.Values)
        {
            one.Abandon();
        }
    }

    /// <summary>Wakes the thread: there is something to do that no peer has sent.</summary>
    private void Ring()
    {
        try
        {
            bell.Send([1], SocketFlags.None, out _);
        }
        catch (ObjectDisposedException)
        {
            // The thread has ended.
        }
    }

    private void Admit()
    {
        while (!closing)
        {
            try
            {
                AdmitReadable();
            }
            catch (Exception)
            {
                // The end, or memory has run out, say. Whatever it is, the process has more to do than this, and it may pass.
                Thread.Sleep(Rest);
            }
        }
        strangers.ForEach(stranger => stranger.Socket.Dispose());
        bell.Dispose();
    }

    private void AdmitReadable()
    {
        // Blocking calls return at once on sockets known to be readable. See PeerTalk for why they are used.
        List<Socket> readable = [listener, bell, .. strangers.Select(stranger => stranger.Socket)];
        Socket.Select(readable, null, null, LookAgain);
        if (readable.Remove(bell))
        {
            bell.Receive(new byte[1]);
        }
        if (readable.Remove(listener))
        {
            Accept();
        }
        var heard = readable.ToHashSet();
        Keep(stranger => !heard.Contains(stranger.Socket) || stranger.Hear(expected));
        Keep(stranger => !stranger.IsWaiting || stranger.IsWelcome(expected));
        KeepNewest([.. strangers.Where(stranger => !stranger.IsWaiting)], MostStrangers, ProvingTime);
        KeepNewest([.. strangers.Where(stranger => stranger.IsWaiting)], MostWaiting, WaitingTime);
        Volatile.Write(ref held, strangers.Count);
    }

    private void Accept()
    {
        try
        {
            strangers.Add(new(listener.Accept(), time));
        }
        catch (SocketException)
        {
            // There are no file handles, most likely: the oldest gives its own back. If there is none, there is no use in asking at once.
            if (strangers.Count == 0)
            {
                Thread.Sleep(Rest);
                return;
            }
            strangers[0].Socket.Dispose();
            strangers.RemoveAt(0);
        }
    }

    private void Keep(Predicate<Stranger> isKept) => strangers.RemoveAll(stranger =>
    {
        try
        {
            return !isKept(stranger);
        }
        catch (Exception)
        {
            // At the cost of this one, not of those after it.
            stranger.Socket.Dispose();
            return true;
        }
    });

    private void KeepNewest(List<Stranger> room, int most, TimeSpan longest)
    {
        foreach (var stranger in room.Where((stranger, index) => index < room.Count - most || time.GetElapsedTime(stranger.Since) > longest))
        {
            stranger.Socket.Dispose();
            strangers.Remove(stranger);
        }
    }
}

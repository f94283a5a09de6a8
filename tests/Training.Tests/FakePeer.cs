using System.Net;
using System.Net.Sockets;
using Granary.Training.Exchange;
using Granary.Training.Exchange.Links;

namespace Granary.Training.Tests;

/// <summary>A process of a round that does what a test wants.</summary>
internal static class FakePeer
{
    public static Greeting Greeting(Guid key, int from, int to) =>
        new(Exchange.Greeting.Ours, PeerProof.NameOf(key), Guid.NewGuid(), default, Digest.Random(), from, to, Transport.Auto);

    public static Socket Call(int port)
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { ReceiveTimeout = (int)Meshes.Patience.TotalMilliseconds };
        socket.Connect(IPAddress.Loopback, port);
        return socket;
    }

    public static Socket Listen()
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        socket.Listen();
        return socket;
    }

    public static int PortOf(Socket listener) => ((IPEndPoint)listener.LocalEndPoint!).Port;

    /// <summary>Hears the answer to a greeting.</summary>
    public static PeerProof Answer(Socket socket, Guid key, Greeting mine)
    {
        var answer = PeerTalk.Read(socket, Exchange.Greeting.Bytes + PeerProof.Bytes);
        var proof = new PeerProof(key, mine, Exchange.Greeting.Read(answer));
        Assert.True(proof.IsOf(Side.Called, answer.AsSpan(Exchange.Greeting.Bytes)));
        return proof;
    }

    /// <summary>Proves itself, as the side that called.</summary>
    public static PeerTalk Prove(Socket socket, Guid key, Greeting mine)
    {
        socket.Send(mine.ToBytes());
        var proof = Answer(socket, key, mine);
        socket.Send(proof.Of(Side.Caller));
        return proof.Talk(socket, Side.Caller);
    }

    /// <summary>Proves itself, as the side that was called.</summary>
    public static PeerTalk Welcome(Socket socket, Guid key, Func<Greeting, Greeting> answer)
    {
        var theirs = Exchange.Greeting.Read(PeerTalk.Read(socket, Exchange.Greeting.Bytes));
        var proof = new PeerProof(key, theirs, answer(theirs));
        socket.Send([.. proof.Called.ToBytes(), .. proof.Of(Side.Called)]);
        Assert.True(proof.IsOf(Side.Caller, PeerTalk.Read(socket, PeerProof.Bytes)));
        return proof.Talk(socket, Side.Called);
    }

    public static bool IsHungUp(Socket connection)
    {
        try
        {
            return connection.Poll(0, SelectMode.SelectRead) && connection.Available == 0;
        }
        catch (SocketException)
        {
            return true;
        }
    }

    public static async Task WaitAsync(Func<bool> condition)
    {
        using var timeout = new CancellationTokenSource(Meshes.Patience);
        using var timer = new PeriodicTimer(TimeSpan.FromMilliseconds(10));
        while (!condition())
        {
            await timer.WaitForNextTickAsync(timeout.Token);
        }
    }
}

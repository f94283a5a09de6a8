using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using Granary.Training.Exchange;
using Granary.Training.Exchange.Links;

namespace Granary.Training.Tests;

public sealed class PeerAdmissionTests : IDisposable
{
    private readonly PeerListener listener = new(IPAddress.Loopback, 0);
    private readonly List<Socket> connections = [];

    public void Dispose()
    {
        connections.ForEach(connection => connection.Dispose());
        listener.Dispose();
    }

    [Fact]
    public async Task ConnectionsOfUnknownRounds_BeyondTheRoomForThem_AreHungUpOn_TheOldestFirst()
    {
        for (var i = 0; i < PeerAdmission.MostUnclaimed + 50; i++)
        {
            Introduce(Connect(), Guid.NewGuid(), rank: 1);
        }
        await MeetAsync();
        await WaitAsync(() => connections.Take(50).All(IsHungUp));
        // The peer that was met has taken a place for a moment.
        Assert.DoesNotContain(connections.Skip(51), IsHungUp);
    }

    [Fact]
    public async Task SilentConnections_CostNoThread_AndBeyondTheRoomForThemTheOldestAreHungUpOn()
    {
        var threads = Process.GetCurrentProcess().Threads.Count;
        for (var i = 0; i < PeerAdmission.MostStrangers + 50; i++)
        {
            Connect();
        }
        await WaitAsync(() => connections.Take(50).All(IsHungUp));
        Assert.True(Process.GetCurrentProcess().Threads.Count < threads + 50, "Silent connections cost threads.");
        await MeetAsync();
    }

    [Fact]
    public async Task Peer_WhoseIntroductionComesInPieces_IsMet()
    {
        var round = Guid.NewGuid();
        var connection = Connect();
        foreach (var letter in Bytes(round, rank: 1))
        {
            connection.Send([letter]);
        }
        using var timeout = new CancellationTokenSource(Meshes.Patience);
        var met = listener.MeetAsync(round, 0, [new("", 0), new("", 0)], timeout.Token);
        Assert.Equal("tcp"u8, LinkNegotiation.Read(connection, 4).AsSpan(1));
        Assert.Equal(Transport.Tcp, (await met)[1]!.Transport);
    }

    [Fact]
    public void Transport_ThatThisProcessCannotMake_IsRefusedAtTheStart()
    {
        var refused = Assert.Throws<IOException>(() => new PeerListener(IPAddress.Loopback, 0, Transport.SharedMemory, sharedMemory: "/no/such/folder"));
        Assert.Contains("Granary:Node:Transport is SharedMemory", refused.Message, StringComparison.Ordinal);
    }

    private Socket Connect()
    {
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp);
        connections.Add(socket);
        socket.Connect(IPAddress.Loopback, listener.Port);
        return socket;
    }

    private static void Introduce(Socket connection, Guid round, int rank) => connection.Send(Bytes(round, rank));

    private static byte[] Bytes(Guid round, int rank) =>
        MemoryMarshal.AsBytes<Introduction>(new[] { new Introduction(round, rank, Guid.NewGuid(), Transport.Auto) }).ToArray();

    /// <summary>Peers of a round meet in spite of all the others; by then the listener has looked at what came before.</summary>
    private async Task MeetAsync()
    {
        using var other = new PeerListener(IPAddress.Loopback, 0);
        using var timeout = new CancellationTokenSource(Meshes.Patience);
        var members = new PeerAddress[] { new("127.0.0.1", listener.Port), new("127.0.0.1", other.Port) };
        var round = Guid.NewGuid();
        foreach (var links in await Task.WhenAll(listener.MeetAsync(round, 0, members, timeout.Token), other.MeetAsync(round, 1, members, timeout.Token)))
        {
            Array.ForEach(links, link => link?.Dispose());
        }
    }

    private static bool IsHungUp(Socket connection)
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

    private static async Task WaitAsync(Func<bool> condition)
    {
        using var timeout = new CancellationTokenSource(Meshes.Patience);
        using var timer = new PeriodicTimer(TimeSpan.FromMilliseconds(10));
        while (!condition())
        {
            await timer.WaitForNextTickAsync(timeout.Token);
        }
    }
}

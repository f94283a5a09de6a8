using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using Granary.Training.Exchange;
using Granary.Training.Exchange.Links;
using Microsoft.Extensions.Time.Testing;

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
        for (var i = 0; i < PeerAdmission.MostWaiting + 50; i++)
        {
            Connect().Send(FakePeer.Greeting(Guid.NewGuid(), from: 1, to: 0).ToBytes());
        }
        await MeetAsync();
        await FakePeer.WaitAsync(() => connections.Take(50).All(FakePeer.IsHungUp));
        Assert.DoesNotContain(connections.Skip(50), FakePeer.IsHungUp);
    }

    [Fact]
    public async Task SilentConnections_CostNoThread_AndBeyondTheRoomForThemTheOldestAreHungUpOn()
    {
        using var admission = new PeerAdmission(IPAddress.Loopback, 0, new FakeTimeProvider());
        var threads = Process.GetCurrentProcess().Threads.Count;
        for (var i = 0; i < PeerAdmission.MostStrangers + 50; i++)
        {
            connections.Add(FakePeer.Call(admission.Port));
        }
        await FakePeer.WaitAsync(() => connections.Take(50).All(FakePeer.IsHungUp));
        Assert.DoesNotContain(connections.Skip(50), FakePeer.IsHungUp);
        Assert.True(Process.GetCurrentProcess().Threads.Count < threads + 50, "Silent connections cost threads.");
    }

    [Fact]
    public async Task Connection_ThatHasSaidTooLittleInItsTime_IsHungUpOn()
    {
        var time = new FakeTimeProvider();
        using var admission = new PeerAdmission(IPAddress.Loopback, 0, time);
        using var slow = FakePeer.Call(admission.Port);
        slow.Send("granary1"u8);
        await FakePeer.WaitAsync(() => admission.Held == 1);
        time.Advance(PeerAdmission.ProvingTime + TimeSpan.FromTicks(1));
        using var next = FakePeer.Call(admission.Port);
        await FakePeer.WaitAsync(() => FakePeer.IsHungUp(slow));
        Assert.False(FakePeer.IsHungUp(next));
    }

    [Fact]
    public async Task Peer_WhoseRoundIsNotKnownYet_AndWhoseGreetingComesInPieces_IsMet()
    {
        var key = Guid.NewGuid();
        var connection = Connect();
        var greeting = FakePeer.Greeting(key, from: 1, to: 0);
        foreach (var letter in greeting.ToBytes())
        {
            connection.Send([letter]);
        }
        await FakePeer.WaitAsync(() => listener.Strangers == 1);
        Assert.Equal(0, connection.Available);
        using var timeout = new CancellationTokenSource(Meshes.Patience);
        var met = listener.MeetAsync(key, 0, [new("", 0), new("", 0)], timeout.Token);
        connection.Send(FakePeer.Answer(connection, key, greeting).Of(Side.Caller));
        Assert.Equal(Transport.Tcp, (await met)[1]!.Transport);
        await FakePeer.WaitAsync(() => listener.Strangers == 0);
    }

    [Theory]
    [InlineData("a request", "GET /metrics HTTP/1.1\r\n")]
    [InlineData("another version", "granary2")]
    public async Task Connection_ThatBeginsWithSomethingElse_IsHungUpOnAtOnce(string _, string said)
    {
        Connect().Send(System.Text.Encoding.ASCII.GetBytes(said));
        await FakePeer.WaitAsync(() => FakePeer.IsHungUp(connections[0]));
    }

    [Fact]
    public void Transport_ThatThisProcessCannotMake_IsRefusedAtTheStart()
    {
        var refused = Assert.Throws<IOException>(() => new PeerListener(IPAddress.Loopback, 0, Transport.SharedMemory, sharedMemory: "/no/such/folder"));
        Assert.Contains("Granary:Node:Transport is SharedMemory", refused.Message, StringComparison.Ordinal);
    }

    private Socket Connect()
    {
        connections.Add(FakePeer.Call(listener.Port));
        return connections[^1];
    }

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
}
